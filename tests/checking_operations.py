"""Operations whose parameters take long to validate, or break validation."""

import os
import signal
import sys
import threading
from decimal import Decimal
from typing import Annotated, Any
from uuid import uuid4

from pydantic import AfterValidator, BaseModel, Field

from callboard import File, operation


def _shut(value: str) -> str:
    if value == "raise":
        raise KeyError(value)
    if value == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if value == "hang":
        sys.stdout.write(f"{os.getpid()}\n")
        sys.stdout.flush()
        threading.Event().wait()
    return value


class Part(BaseModel):
    """A model with a default factory."""

    n: int
    token: str = Field(default_factory=lambda: uuid4().hex)


@operation
def choose(value: list[bool | int | Annotated[str, Field(max_length=1)] | list[int]]) -> int:
    """Accept one of several types."""
    return len(value)


@operation
def exact(value: list[Decimal]) -> None:
    """Accept decimals."""


@operation
def number(value: list[int]) -> None:
    """Accept integers."""


@operation
def made(value: list[Part]) -> None:
    """Accept models with default factories."""


@operation(unique=True)
def once(value: list[float], page: File | None = None) -> None:
    """Run equal jobs once."""


@operation(unique_by=lambda value, page: [len(value), page and page.media_type])
def counted(value: list[Any], page: File | None = None) -> None:
    """Run jobs of equal length once."""


@operation(max_running_per={"tenant": 2, "value": 1, "page": 1})
def shared(value: list[float], page: File | None = None) -> None:
    """Limit running jobs of equal values."""


@operation(unique_by=lambda value: {}[value[0]])
def unruly(value: list[Any]) -> None:
    """Use a failing unique_by."""


@operation
def odd(value: list[Any], how: Annotated[str, AfterValidator(_shut)]) -> None:
    """Fail during validation."""
