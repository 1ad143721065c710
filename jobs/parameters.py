"""A function's parameters and result as schemas, made from its type hints."""

import hashlib
import inspect
import json
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    PydanticUserError,
    ValidationError,
    create_model,
)
from pydantic_core import PydanticSerializationError, to_json

from jobs.errors import InvalidParameters, OperationError
from jobs.files.accepts import MEDIA_TYPES
from jobs.files.file import File
from jobs.files.parameters import (
    Checked,
    FileParameter,
    FileUse,
    file_parameters,
    files_within,
)
from jobs.misfits import misfits
from jobs.pointer import Location, pointer_of
from jobs.returns import ReturnType

HANDLE: Final = "job"
"""The keyword by which a function asks for its `Job`; it is no parameter."""

_TOO_LARGE: Final = 2**64


class Parameters:
    """Validates parameters and results of one function.

    Attributes:
        files: the parameters that are files, by name; files deeper inside are not among them.
        takes_files: whether there can be any, however deep.
        returns: what it returns.

    Raises:
        OperationError: the function's signature cannot be a schema.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        signature = inspect.signature(function)
        try:
            hints = typing.get_type_hints(function, include_extras=True)
        except NameError as error:
            raise OperationError(f"{function.__name__}: a type hint is unknown: {error}") from error
        except ValueError as error:
            raise OperationError(f"{function.__name__}: {error}") from error
        self.wants_job = HANDLE in signature.parameters
        fields: dict[str, Any] = {}
        for parameter in signature.parameters.values():
            if parameter.name == HANDLE:
                continue
            _check(function, parameter, hints)
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints[parameter.name], default)
        self.files: Final[Mapping[str, FileParameter]] = dict(file_parameters(fields))
        try:
            self.model: type[BaseModel] = create_model(
                f"{function.__name__}_parameters",
                __config__=ConfigDict(
                    extra="forbid", strict=True, allow_inf_nan=False, validate_default=True
                ),
                **fields,
            )
            self.returns: Final = ReturnType(hints.get("return", Any))
            self.schema: dict[str, Any] = self.model.model_json_schema(mode="validation")
            self.result_schema: Final = self.returns.schema
        except (PydanticUserError, TypeError, NameError) as error:
            raise OperationError(
                f"{function.__name__}: no schema from its type hints: {error}"
            ) from error
        self.takes_files = MEDIA_TYPES in json.dumps(self.schema)
        self.schema["title"] = function.__name__
        for schema in (self.schema, self.result_schema):
            if '"writeOnly": true' in json.dumps(schema):
                raise OperationError(
                    f"{function.__name__}: parameters and results are stored and shown, so they "
                    "can be no secrets; pass the name of a secret that the worker looks up"
                )

    def validate(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Check JSON-like parameters strictly, and give them complete, with defaults filled in.

        Raises:
            InvalidParameters: they do not fit; each error has a JSON Pointer.
        """
        return self.checked(params).params

    def checked(self, params: Mapping[str, Any]) -> Checked:
        """Check parameters as `validate` does, and keep which files they name, too.

        Raises:
            InvalidParameters: they do not fit; each error has a JSON Pointer.
        """
        model = self._model_of(params)
        uses = (FileUse(pointer_of(at), file.id, file.accepts) for at, file in self._files(model))
        return Checked(model, model.model_dump(mode="json", by_alias=True), tuple(uses))

    def arguments(
        self, params: Mapping[str, Any], fetch: Callable[[Sequence[File]], None] | None = None
    ) -> dict[str, Any]:
        """Turn validated JSON-like parameters into the function's Python arguments.

        Args:
            params: as they were submitted.
            fetch: makes the files in them, if there are any, such that the function can read them.

        Raises:
            InvalidParameters: they do not fit the function as it is now.
        """
        model = self._model_of(params)
        files = [file for _, file in self._files(model)]
        if files and fetch is not None:
            fetch(files)
        return {name: getattr(model, name) for name in type(model).model_fields}

    def _files(self, model: BaseModel) -> Iterator[tuple[Location, File]]:
        if self.takes_files:
            yield from files_within(model.model_dump(mode="python", by_alias=True))

    def _model_of(self, params: Mapping[str, Any]) -> BaseModel:
        try:
            try:
                return self._strictly(params)
            except ValidationError:
                return self._strictly(_whole(params))
        except ValidationError as error:
            found = misfits(error, params, self._strictly)
            wrong = [(pointer_of(where), detail) for where, detail in found]
            raise InvalidParameters(wrong) from error
        except PydanticSerializationError as error:
            raise InvalidParameters([("", str(error))]) from error

    def _strictly(self, params: Mapping[str, Any]) -> BaseModel:
        # JSON mode lets strict types be what JSON can say: a list for a tuple or a set.
        # Asked for here too, since nested models have a configuration of their own.
        return self.model.model_validate_json(
            to_json(params, inf_nan_mode="constants"), strict=True
        )


def _whole(value: Any) -> Any:
    """Take 5.0 for 5 wherever it stands, as JSON Schema does (2020-12, core, section 4.2.3)."""
    match value:
        case float() if value.is_integer() and abs(value) < _TOO_LARGE:
            return int(value)
        case Mapping():
            return {name: _whole(each) for name, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case _:
            return value


def fingerprint(value: Any) -> str:
    """Give 32 hexadecimal digits that are equal for equal JSON-like data.

    Raises:
        TypeError: the data is not JSON-like.
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _check(
    function: Callable[..., Any], parameter: inspect.Parameter, hints: Mapping[str, Any]
) -> None:
    if parameter.kind in {
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
        parameter.POSITIONAL_ONLY,
    }:
        raise OperationError(
            f"{function.__name__}: parameter {parameter.name!r} has no name to submit it by; "
            "*args, **kwargs and positional-only parameters cannot be submitted"
        )
    if parameter.name not in hints:
        raise OperationError(f"{function.__name__}: parameter {parameter.name!r} has no type hint")
