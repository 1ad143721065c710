"""A function's signature as a pydantic model, or one sentence on why it can be none."""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from callboard.jobs.errors import OperationError
from callboard.jobs.files.parameters import FileParameter, file_parameters
from callboard.jobs.validated_values import fields_of_model

HANDLE: Final = "job"
"""The keyword by which a function asks for its `Job`; it is no parameter."""

_CONFIG: Final = ConfigDict(
    extra="forbid", strict=True, allow_inf_nan=False, validate_default=True, protected_namespaces=()
)
_TOLD: Final = (
    *("alias", "validation_alias", "serialization_alias", "alias_priority"),
    *("title", "description", "examples", "deprecated", "exclude", "json_schema_extra"),
)
_DATA: Final = (str, int, float, bool, bytes, list, dict, tuple, set)

Fields = dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Signature:
    """What a function takes.

    Attributes:
        label: the name of the function.
        model: validates the parameters.
        attributes: the model's field of each parameter, by the parameter's name.
        keys: by which name each parameter is sent.
        files: the parameters that are files, by the names that they are sent by.
        wants_job: whether it asks for its `Job`.
        returns: the annotation of its result.
    """

    label: str
    model: type[BaseModel]
    attributes: Mapping[str, str]
    keys: Mapping[str, str]
    files: Mapping[str, FileParameter]
    wants_job: bool
    returns: Any


def read_signature(function: Callable[..., Any]) -> Signature:
    """Make a model of a function's parameters.

    Raises:
        OperationError: it can be none; names the function and the parameter.
    """
    label = function.__name__
    parameters, hints = _hints(function)
    fields: Fields = {}
    attributes: dict[str, str] = {}
    for parameter in parameters.values():
        name = parameter.name
        if name == HANDLE:
            _check_handle(label, hints.get(name))
            continue
        _check(label, parameter, hints)
        default = ... if parameter.default is parameter.empty else parameter.default
        attributes[name] = attribute = _attribute(name)
        hint = hints[name] if attribute == name else _sent_as(name, hints[name])
        fields[attribute] = (hint, default)
    names = {attribute: name for name, attribute in attributes.items()}
    model = _model(label, fields, names)
    widened = _with_defaults_that_fit(label, model, fields, names)
    model = model if widened == fields else _model(label, widened, names)
    keys = {
        names[each.name]: each.keys[0] if each.keys else each.name
        for each in fields_of_model(model)
    }
    for name, key in keys.items():
        if list(keys.values()).count(key) > 1:
            raise OperationError(
                f"{label}: parameter {name!r} has the alias {key!r} of another parameter"
            )
    files = {keys[names[attribute]]: found for attribute, found in file_parameters(widened)}
    return Signature(
        label, model, attributes, keys, files, HANDLE in parameters, hints.get("return", Any)
    )


def _hints(
    function: Callable[..., Any],
) -> tuple[Mapping[str, inspect.Parameter], Mapping[str, Any]]:
    label = function.__name__
    try:
        parameters = inspect.signature(function).parameters
        return parameters, typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise OperationError(f"{label}: a type hint is unknown: {error}") from error
    except Exception as error:
        raise OperationError(f"{label}: its type hints are invalid: {error}") from error


def _check_handle(label: str, hint: Any) -> None:
    if hint in _DATA or typing.get_origin(hint) in _DATA:
        raise OperationError(
            f"{label}: parameter {HANDLE!r} is reserved for the running Job; rename it, or use "
            f'Annotated[..., Field(alias="{HANDLE}")] to have it sent by this one'
        )


def _check(label: str, parameter: inspect.Parameter, hints: Mapping[str, Any]) -> None:
    if parameter.kind in {
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
        parameter.POSITIONAL_ONLY,
    }:
        raise OperationError(
            f"{label}: parameter {parameter.name!r} cannot be passed by name; "
            "*args, **kwargs and positional-only parameters cannot be submitted"
        )
    if parameter.name not in hints:
        raise OperationError(f"{label}: parameter {parameter.name!r} has no type hint")


def _attribute(name: str) -> str:
    """Name the model's field: names that pydantic has for itself cannot be those of fields."""
    taken = name.startswith("_") or hasattr(BaseModel, name)
    return f"parameter_{name.strip('_')}_" if taken else name


def _sent_as(name: str, hint: Any) -> Any:
    title = name.replace("_", " ").title().strip()
    alias = Field(alias=name, title=title)
    if typing.get_origin(hint) is not Annotated:
        return Annotated[hint, alias]
    # What the author says in the annotation comes after it, and wins.
    return Annotated[(hint.__origin__, alias, *hint.__metadata__)]


def _model(label: str, fields: Fields, names: Mapping[str, str]) -> type[BaseModel]:
    try:
        return _create(label, fields)
    except Exception as error:
        for attribute, field in fields.items():
            try:
                _create(label, {attribute: field})
            except Exception as alone:
                raise OperationError(
                    f"{label}: no schema for the type hint of parameter {names[attribute]!r}: "
                    f"{_first_line(alone)}"
                ) from alone
        raise OperationError(f"{label}: no schema for its type hints: {error}") from error


def _create(label: str, fields: Fields) -> type[BaseModel]:
    more: dict[str, Any] = dict(fields)
    model: type[BaseModel] = create_model(f"{label}_parameters", __config__=_CONFIG, **more)
    model.model_json_schema(mode="validation")
    return model


def _with_defaults_that_fit(
    label: str, model: type[BaseModel], fields: Fields, names: Mapping[str, str]
) -> Fields:
    """Check defaults by their types; with the default None the type is taken as optional."""
    static = {
        attribute: info
        for attribute, info in model.model_fields.items()
        if info.default is not PydanticUndefined and info.default is not ...
    }
    wrong = _misfits(label, {attribute: fields[attribute] for attribute in static})
    widened = dict(fields)
    for attribute, complaint in wrong.items():
        if static[attribute].default is not None:
            raise OperationError(
                f"{label}: the default of parameter {names[attribute]!r} does not match its type: "
                f"{complaint}"
            )
        hint, default = fields[attribute]
        widened[attribute] = (_optional(hint), default)
    return widened


def _misfits(label: str, fields: Fields) -> dict[str, str]:
    """Return what is wrong with which default; what raises something else shows at submission."""
    wrong = {}
    for attribute, field in fields.items():
        try:
            _create(label, {attribute: field}).model_validate_json("{}", strict=True)
        except ValidationError as error:
            wrong[attribute] = error.errors(include_url=False, include_context=False)[0]["msg"]
        except Exception:  # noqa: BLE001, S112 — a validator that looks at other parameters
            continue
    return wrong


def _optional(hint: Any) -> Any:
    if typing.get_origin(hint) is not Annotated:
        return hint | None
    # Bounds belong to the type inside; names and descriptions to the parameter.
    told = {
        name: value
        for each in hint.__metadata__
        if isinstance(each, FieldInfo)
        for name in _TOLD
        if (value := getattr(each, name)) is not None
    }
    return Annotated[hint | None, Field(**told)] if told else hint | None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
