"""What a function returns: its schema, and how that becomes JSON-like data."""

import secrets
import typing
from collections import abc
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from callboard.jobs.errors import ResultNotSerialisable
from callboard.jobs.files.file import File
from callboard.jobs.json_pointer import Location, pointer_of
from callboard.jobs.serializable import Serializable, plain, survey
from callboard.jobs.unserializable import Unserializable

_MANY: Final = (abc.AsyncIterable, abc.AsyncIterator, abc.AsyncGenerator)
_ONE: Final = (abc.Awaitable, abc.Coroutine)
_MAX_POINTER_LENGTH: Final = 80


class ReturnType:
    """What one function returns.

    Args:
        hint: its return annotation.

    Attributes:
        schema: a JSON Schema of what callers get.

    Raises:
        PydanticUserError, TypeError: the annotation cannot be a schema.
    """

    def __init__(self, hint: Any) -> None:
        self._adapter = _adapter(_at_length(hint))
        self.schema: Final[dict[str, Any]] = self._adapter.json_schema(mode="serialization")

    def read(self, value: Any) -> "Returned":
        """Check what the function returned and read it, once and to its end.

        Raises:
            ResultNotSerialisable: it does not fit the return annotation, or is not JSON-like.
            Exception: whatever the function's iterators, models and serialisers raise.
        """
        marks = _Marks()
        try:
            checked = self._adapter.validate_python(plain(value))
            survey(checked)
            data = self._dumped(checked, marks)
            return Returned(Serializable(self.schema, marks.read).sent(data), marks)
        except ValidationError as error:
            wrong = "; ".join(
                f"{pointer_of(e['loc']) or '/'}: {e['msg']}" for e in error.errors()[:3]
            )
            raise ResultNotSerialisable(
                f"The result does not match the function's return annotation: {wrong}",
                retryable=False,
            ) from error
        except Unserializable as error:
            pointer = pointer_of(error.at) or "/"
            where = pointer[:_MAX_POINTER_LENGTH] + (
                "…" if len(pointer) > _MAX_POINTER_LENGTH else ""
            )
            raise ResultNotSerialisable(
                f"The result cannot be sent: {where} {error.why}.", retryable=False
            ) from error

    def _dumped(self, checked: Any, marks: "_Marks") -> Any:
        try:
            return self._adapter.dump_python(
                checked, mode="json", by_alias=True, context=marks.of_file, fallback=marks.of_other
            )
        except UnicodeDecodeError as error:
            why = "contains bytes that are not UTF-8, in a model without `ser_json_bytes`"
            raise Unserializable((), why) from error
        except PydanticSerializationError as error:
            if error.__cause__ is not None:  # a serialiser of the function's has raised it
                raise error.__cause__ from None
            raise Unserializable((), str(error)) from error
        except ValueError as error:
            if str(error).startswith("Circular reference"):
                raise Unserializable((), "contains itself") from error
            raise


class Returned:
    """What a run came to, read to its end.

    Attributes:
        files: those in it, in order; one may be there several times.
    """

    def __init__(self, data: Any, marks: "_Marks") -> None:
        self._data = data
        self._marks = marks

    @property
    def files(self) -> Sequence[File]:
        """The files in it, in order; one may be there several times."""
        return [file for file, _ in self._marks.files]

    def described(self) -> Any:
        """Return it as JSON-like data, once each of its files has an id, a size and a digest."""
        for file, at in self._marks.files:
            if not at:
                return file.described()
            place = self._data
            for part in at[:-1]:
                place = place[part]
            place[at[-1]] = file.described()
        return self._data


class _Marks:
    """Pieces of text that stand for what is no data, until it is known where they stand."""

    def __init__(self) -> None:
        self._word = secrets.token_hex(8)
        self._marked: dict[str, Any] = {}
        self.files: list[tuple[File, Location]] = []

    def of_file(self, file: File) -> str:
        return self._mark(file)

    def of_other(self, value: Any) -> Any:
        if isinstance(value, File):
            return self._mark(value)
        native = plain(value)
        return self._mark(value) if native is value else native

    def read(self, text: str, at: Location) -> Any:
        value = self._marked.get(text)
        if value is None:
            return text
        if not isinstance(value, File):
            raise Unserializable(
                at, f"is of the type {type(value).__name__}, which cannot be serialised"
            )
        self.files.append((value, at))
        return None

    def _mark(self, value: Any) -> str:
        mark = f"{self._word}-{len(self._marked)}"
        self._marked[mark] = value
        return mark


def _at_length(hint: Any) -> Any:
    """Return the annotation of what is there once all was awaited."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in _MANY and inside:
        return list[inside[0]]  # type: ignore[valid-type]  # it is known only now
    if origin in _ONE and inside:
        return inside[-1]
    return hint


def _adapter(hint: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(hint, config=ConfigDict(ser_json_bytes="base64"))
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":  # a model has its own
            raise
        return TypeAdapter(hint)
