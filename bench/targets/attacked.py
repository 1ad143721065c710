"""Operations whose parameters are the most expensive to validate, for a server under attack."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from callboard.jobs import File, operation


class Leaf(BaseModel):
    """A model with defaults, one of them from a factory."""

    kind: Literal["leaf"] = "leaf"
    n: int = 0
    tags: list[str] = Field(default_factory=lambda: ["new"])


class Twig(BaseModel):
    """A model with nested models."""

    kind: Literal["twig"]
    all: "list[Leaf | Twig]" = []


@operation
def weigh(value: Any = None) -> None:
    """Accept any value."""


@operation
def numbers(value: list[int]) -> None:
    """Accept integers."""


@operation
def fractions(value: list[float]) -> None:
    """Accept numbers."""


@operation
def decimals(value: list[Decimal]) -> None:
    """Accept decimals."""


@operation
def unions(value: list[bool | int | Annotated[str, Field(max_length=1)] | list[int]]) -> None:
    """Accept one of several types."""


@operation
def trees(value: list[Leaf | Twig]) -> None:
    """Accept models with default factories."""


@operation(unique=True)
def once(value: dict[str, Any]) -> None:
    """Accept objects, each of which runs once at a time."""


@operation
def filed(value: list[File | int], cover: File | None = None) -> None:
    """Accept files among other values."""
