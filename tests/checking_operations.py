"""Operations whose parameters take long to validate, or should not be validated at all."""

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
    """Has a default that is made."""

    n: int
    token: str = Field(default_factory=lambda: uuid4().hex)


@operation
def choose(value: list[bool | int | Annotated[str, Field(max_length=1)] | list[int]]) -> int:
    """Take one of several."""
    return len(value)


@operation
def exact(value: list[Decimal]) -> None:
    """Take decimals."""


@operation
def number(value: list[int]) -> None:
    """Take whole numbers."""


@operation
def made(value: list[Part]) -> None:
    """Take models, of which a part is made."""


@operation(unique=True)
def once(value: list[float], page: File | None = None) -> None:
    """Run equal ones once."""


@operation(unique_by=lambda value, page: [len(value), page and page.media_type])
def counted(value: list[Any], page: File | None = None) -> None:
    """Run those of equal length once."""


@operation(max_running_per={"tenant": 2, "value": 1, "page": 1})
def shared(value: list[float], page: File | None = None) -> None:
    """Run few of equal values."""


@operation(unique_by=lambda value: {}[value[0]])
def unruly(value: list[Any]) -> None:
    """Be told apart by what fails."""


@operation
def odd(value: list[Any], how: Annotated[str, AfterValidator(_shut)]) -> None:
    """Fail while it is validated."""
