"""Operations with every kind of parameter and result that confuses client generators."""

import datetime as dt
import decimal
import enum
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from callboard import File, Operation, operation

Item = TypeVar("Item")
LARGE = [{"name": f"sample-{number}", "values": list(range(50))} for number in range(200)]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "wolf"]
    tail: float


class Parrot(BaseModel):
    kind: Literal["parrot"]
    says: str | None = None


Mammal = Annotated[Cat | Dog, Field(discriminator="kind")]
Pet = Annotated[Mammal | Parrot, Field(discriminator="kind")]


class Titled(BaseModel):
    """Its tag and its members are named like JSON Schema keywords."""

    title: Literal["title"]
    default: int = 0
    enum: list[str] = []
    discriminator: dict[str, str] = {}


class Other(BaseModel):
    title: Literal["other"]


class Tree(BaseModel):
    name: str
    children: "list[Tree]" = []


class Left(BaseModel):
    right: "Right | None" = None


class Right(BaseModel):
    left: Left | None = None


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next: Item | None = None


class Parameters(BaseModel):
    """It is named like a schema of each operation."""

    depth: int


class Result(BaseModel):
    depth: int


class BParameters(BaseModel):
    """With an operation `a` it has the name of the parameters of `a_b`."""

    depth: int


class Colour(enum.Enum):
    RED = "red"
    DARK_RED = "dark red"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Size:
    width: int
    height: int = 1


class Options(TypedDict, total=False):
    depth: int
    names: list[str]


@operation
def rehome(pet: Pet, others: list[Pet] | None = None, by_name: dict[str, Pet] | None = None) -> Pet:
    """Take in a pet."""
    del others, by_name
    return pet


@operation
def entitle(thing: Annotated[Titled | Other, Field(discriminator="title")]) -> Titled | Other:
    """Have members named like schema keywords."""
    return thing


@operation
def climb(tree: Tree, pair: Left) -> Tree:
    """Accept recursive types."""
    del pair
    return tree


@operation
def choose(
    colour: Colour,
    level: Level = Level.LOW,
    word: Literal["a", 1, True] | None = "a",
    words: Literal["x", "y"] = "x",
) -> dict[Colour, Level]:
    """Accept one of a few values. */ It says so."""
    del word, words
    return {colour: level}


@operation
def leaf(pages: Page[Cat], numbers: Page[int], nested: Page[Page[str]]) -> Page[Cat | Size]:
    """Accept and return generic types."""
    del numbers, nested
    return Page[Cat | Size](items=list(pages.items))


@operation
def mix(  # noqa: PLR0913, PLR0917 — one of each
    size: Size,
    options: Options,
    pair: tuple[int, str] = (1, "a"),
    sizes: dict[str, dict[str, Size]] | None = None,
    optional: list[list[Cat | None] | None] | None = None,
    when: dt.datetime | None = None,
    day: dt.date | None = None,
    span: dt.timedelta | None = None,
    key: uuid.UUID | None = None,
    price: decimal.Decimal = decimal.Decimal("1.10"),
    data: bytes = b"",
    whatever: Any = None,
) -> tuple[Size, Options]:
    """Accept a dataclass, a typed dictionary, and all types encoded as text."""
    del pair, sizes, optional, when, day, span, key, price, data, whatever
    return size, options


@operation
def large(
    samples: Annotated[list[dict[str, Any]], Field(examples=[LARGE])], inner: Parameters
) -> Result:
    """Have a large example, and types named like the document's own."""
    del samples
    return Result(depth=inner.depth)


@operation
def a(inner: BParameters) -> Result:
    """Have a type whose name makes this operation like another."""
    return Result(depth=inner.depth)


@operation
def a_b(depth: int) -> None:
    """Be that other."""


@operation
def load2(depth: int) -> int:
    """Have a name spelt like another's."""
    return depth


@operation
def load_2(depth: int) -> str:
    """Be that other."""
    return str(depth)


@operation(name="file")
def file_(file: File) -> File:
    """Have the name of one of the server's schemas."""
    return file


@operation(name="batch")
def batch_(items: list[int]) -> int:
    """Be another such."""
    return sum(items)


def _numbered(number: int) -> Operation:
    @operation(name=f"numbered_{number}")
    def numbered(pet: Pet, level: Level = Level.LOW) -> list[Pet]:
        """Be one of many."""
        del level
        return [pet]

    return numbered


MANY = [_numbered(number) for number in range(40)]
globals().update({each.name: each for each in MANY})
