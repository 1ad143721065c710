"""A function's parameters and result as schemas, made from its type hints."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from pydantic import BaseModel, PydanticUserError, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from callboard.jobs.checked_parameters import CheckedParameters
from callboard.jobs.errors import InvalidParameters, OperationError
from callboard.jobs.files.accepts import MEDIA_TYPES
from callboard.jobs.files.file import File
from callboard.jobs.files.parameters import files_within
from callboard.jobs.json_numbers import rounded, takes_decimals, with_whole
from callboard.jobs.json_pointer import Location, pointer_of
from callboard.jobs.parameters_as_sent import fill_in, makes_defaults, parameters_as_sent
from callboard.jobs.return_type import ReturnType
from callboard.jobs.signature import read_signature
from callboard.jobs.user_code import call_user_code
from callboard.jobs.validated_values import children, has_fields
from callboard.jobs.validation_errors import first_of, validation_errors

T = TypeVar("T")


_ROUNDED: Final = (
    "has more digits than a 64-bit floating-point number holds; where a decimal is taken, send it "
    "as text"
)
_OTHERWISE: Final = (
    "would be read as a different value; pass the data that it was created from instead"
)


class Parameters:
    """Validates parameters and results of one function.

    Args:
        function: what is declared.
        name: of its operation; by default the function's.

    Attributes:
        names: of the parameters.
        files: the parameters that are files, by name; files deeper inside are not among them.
        takes_files: whether there can be any, however deep.
        returns: what it returns.

    Raises:
        OperationError: the function's signature cannot be a schema.
    """

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self._label: Final = name or function.__name__
        self._signature: Final = read_signature(function)
        self.model: Final = self._signature.model
        self.wants_job: Final = self._signature.wants_job
        self.files: Final = self._signature.files
        self._makes_defaults: Final = makes_defaults(self.model.__pydantic_core_schema__)
        self._decimals: Final = takes_decimals(self.model.__pydantic_core_schema__)
        self.schema: dict[str, Any] = self.model.model_json_schema(mode="validation")
        try:
            self.returns: Final = ReturnType(self._signature.returns)
            self.result_schema: Final = self.returns.schema
        except (PydanticUserError, TypeError, NameError) as error:
            raise OperationError(
                f"{function.__name__}: no schema for its type hints: {error}"
            ) from error
        self.takes_files = MEDIA_TYPES in json.dumps(self.schema)
        self.schema["title"] = function.__name__
        for schema in (self.schema, self.result_schema):
            if '"writeOnly": true' in json.dumps(schema):
                raise OperationError(
                    f"{function.__name__}: parameters and results are stored and shown, so they "
                    "must not be secrets; pass the name of a secret that the worker looks up"
                )

    @property
    def names(self) -> Sequence[str]:
        """The names that the function has for its parameters."""
        return tuple(self._signature.attributes)

    def sent(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Write Python values as a caller over HTTP would send them.

        Args:
            params: by the names that they are sent by.

        Raises:
            InvalidParameters: they do not fit, or one has no such form.
            OperationFault: the operation's own code failed.
        """
        sent, unfit = {}, []
        for name, value in params.items():
            try:
                sent[name] = parameters_as_sent(value)
            except ValueError as error:
                unfit.append((pointer_of((name,)), str(error)))
        if unfit:
            raise InvalidParameters(unfit)
        given = {name: value for name, value in params.items() if _has_models(value)}
        if given:
            arguments = self.check(sent).arguments
            read = {self._signature.keys[name]: value for name, value in arguments.items()}
            wrong = [name for name, value in given.items() if read[name] != value]
            if wrong:
                raise InvalidParameters([(pointer_of((each,)), _OTHERWISE) for each in wrong])
        return sent

    def check(self, params: Mapping[str, Any]) -> CheckedParameters:
        """Check JSON-like parameters strictly, and give what is to be kept of them.

        Raises:
            InvalidParameters: they do not fit; each error has a JSON Pointer.
            OperationFault: the operation's own code failed.
        """

        def checked() -> CheckedParameters:
            sent, model = dict(params), self._read(params)
            if self._makes_defaults:
                sent, model = fill_in(sent, model, self._read)
            arguments = {name: _iterated(each) for name, each in self._arguments(model)}
            files = {pointer_of(at): file for at, file in self._files(model)}
            return CheckedParameters(self._signature, sent, model, arguments, files)

        return self._guarded(checked, params)

    def arguments(
        self, params: Mapping[str, Any], fetch: Callable[[Sequence[File]], None] | None = None
    ) -> dict[str, Any]:
        """Turn parameters, as they were sent, into the function's Python arguments.

        Args:
            params: JSON-like, checked when they were submitted.
            fetch: makes the files in them, if there are any, such that the function can read them.

        Raises:
            InvalidParameters: they do not fit the function as it is now.
            OperationFault: the operation's own code failed.
        """
        model = self._guarded(lambda: self._read(params), params)
        files = [file for _, file in self._files(model)]
        if files and fetch is not None:
            fetch(files)
        return dict(self._arguments(model))

    def _files(self, model: BaseModel) -> Iterator[tuple[Location, File]]:
        if self.takes_files:
            yield from files_within(model)

    def _arguments(self, model: BaseModel) -> Iterator[tuple[str, Any]]:
        read = vars(model)
        for name, attribute in self._signature.attributes.items():
            yield name, read[attribute]

    def _guarded(self, call: Callable[[], T], params: Mapping[str, Any]) -> T:
        try:
            return call_user_code(call, self._label, "check the parameters")
        except ValidationError as error:
            found = call_user_code(
                partial(validation_errors, error, params, self._validated),
                self._label,
                "say what is wrong",
            )
            wrong = [(pointer_of(where), detail) for where, detail in found]
            raise InvalidParameters(wrong) from error

    def _read(self, params: Mapping[str, Any]) -> BaseModel:
        try:
            text = to_json(params, inf_nan_mode="constants")
        except PydanticSerializationError as error:
            raise InvalidParameters([("", str(error))]) from error
        try:
            model = self._strictly(text)
        except ValidationError:
            whole = to_json(with_whole(params), inf_nan_mode="constants")
            if whole == text:
                raise
            model = self._strictly(whole)
        if wrong := [
            (pointer_of(at), _ROUNDED)
            for at in rounded(params, text, model, decimals=self._decimals)
        ]:
            raise InvalidParameters(first_of(wrong))
        return model

    def _validated(self, params: Any) -> BaseModel:
        return self._strictly(to_json(params, inf_nan_mode="constants"))

    def _strictly(self, text: bytes) -> BaseModel:
        # JSON mode lets strict types be what JSON can say: a list for a tuple or a set.
        # Asked for here too, since nested models have a configuration of their own.
        return self.model.model_validate_json(text, strict=True)


def _has_models(value: Any) -> bool:
    return has_fields(value) or any(_has_models(each) for _, each in children(value))


def _iterated(value: Any) -> Any:
    """Read what pydantic validates lazily, so that it is validated now."""
    return list(value) if type(value).__name__ == "ValidatorIterator" else value
