"""Models that do not round trip."""

import dataclasses
from datetime import datetime
from enum import Enum
from typing import Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    computed_field,
    field_serializer,
)


class Box(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: float
    height: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def area(self) -> float:
        return self.width * self.height


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    width: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> float:
        return self.width * 2


class Renamed(BaseModel):
    source: str = Field(validation_alias="src", serialization_alias="Source")


class Chosen(BaseModel):
    source: str = Field(validation_alias=AliasChoices("src", "source"))


class Dated(BaseModel):
    when: datetime

    @field_serializer("when")
    def _show(self, when: datetime) -> str:
        return when.strftime("%d.%m.%Y")


class Hidden(BaseModel):
    shown: int = 1
    secret: int = Field(default=7, exclude=True)


class Broken(BaseModel):
    n: int

    @field_serializer("n")
    def _show(self, n: int) -> str:
        raise KeyError(n)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Colour(Enum):
    RED = "red"


Wrapped = RootModel[list[int]]
