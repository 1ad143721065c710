"""Writes the client's types of answers, because the client may not import the server."""

import sys
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from typing_extensions import TypeAliasType, is_typeddict

from callboard.api.batches.items import SubmittedBatchObject
from callboard.api.batches.render import BatchObject
from callboard.api.jobs.cancel import CancelOfferObject
from callboard.api.jobs.log import LogLineObject
from callboard.api.jobs.render import JobObject
from callboard.api.operations.render import OperationObject
from callboard.api.schedules.render import ScheduleObject

_ANSWERS: Final = (
    JobObject,
    CancelOfferObject,
    LogLineObject,
    BatchObject,
    SubmittedBatchObject,
    OperationObject,
    ScheduleObject,
)
_HEAD: Final = '''"""What the server answers with; written by `python -m tools.client_types`."""
# long: generated, one class for each kind of object

from typing import Any, Literal, NotRequired, TypedDict
'''


def render() -> str:
    """Return the whole module."""
    found: dict[str, Any] = {}
    for each in _ANSWERS:
        _collect(each, found)
    return "\n\n".join([_HEAD, *(_class(each) for each in found.values())])


def _collect(answer: Any, found: dict[str, Any]) -> None:
    """Return a type after all types that it uses."""
    if is_typeddict(answer):
        for each in get_type_hints(answer).values():
            _collect(each, found)
        found.setdefault(_name(answer), answer)
    for each in get_args(answer):
        if not isinstance(each, str):
            _collect(each, found)


def _class(answer: Any) -> str:
    fields = get_type_hints(answer, include_extras=True)
    if not all(name.isidentifier() for name in fields):
        members = ", ".join(f'"{name}": {_source(each)}' for name, each in fields.items())
        return f'{_name(answer)} = TypedDict("{_name(answer)}", {{{members}}})\n'
    lines = "".join(f"    {name}: {_source(each)}\n" for name, each in fields.items())
    return f'class {_name(answer)}(TypedDict):\n    """{answer.__doc__}"""\n\n{lines}'


def _name(answer: Any) -> str:
    return str(answer.__name__).removeprefix("_")


def _source(annotation: Any) -> str:
    """Format a type for the client, without annotations for the OpenAPI document."""
    if isinstance(annotation, TypeAliasType):
        return _source(annotation.__value__)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _source(arguments[0])
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    written = [_source(each) for each in arguments]
    if origin in (Union, UnionType):
        return " | ".join(written)
    if origin is not None:
        return f"{getattr(origin, '__name__', 'NotRequired')}[{', '.join(written)}]"
    return "None" if annotation is NoneType else _name(annotation)


if __name__ == "__main__":
    sys.stdout.write(render().rstrip() + "\n")
