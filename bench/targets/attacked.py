"""Operations whose parameters cost the most to check; on the path of a server that is attacked."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from callboard.jobs import File, operation


class Leaf(BaseModel):
    """Has defaults, of which one is made."""

    kind: Literal["leaf"] = "leaf"
    n: int = 0
    tags: list[str] = Field(default_factory=lambda: ["new"])


class Twig(BaseModel):
    """Holds others."""

    kind: Literal["twig"]
    all: "list[Leaf | Twig]" = []


@operation
def weigh(value: Any = None) -> None:
    """Take whatever comes."""


@operation
def numbers(value: list[int]) -> None:
    """Take whole numbers."""


@operation
def fractions(value: list[float]) -> None:
    """Take numbers."""


@operation
def decimals(value: list[Decimal]) -> None:
    """Take decimals."""


@operation
def unions(value: list[bool | int | Annotated[str, Field(max_length=1)] | list[int]]) -> None:
    """Take one of several."""


@operation
def trees(value: list[Leaf | Twig]) -> None:
    """Take models, whose defaults are made."""


@operation(unique=True)
def once(value: dict[str, Any]) -> None:
    """Take objects, of which each is run once at a time."""


@operation
def filed(value: list[File | int], cover: File | None = None) -> None:
    """Take files among other things."""
