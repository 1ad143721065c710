"""Writes the reference of all settings from their declarations, as Markdown."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import AfterValidator, SecretStr
from pydantic.fields import FieldInfo

from callboard.config.callbacks import SigningKey
from callboard.config.duration import format_bytes, format_duration
from callboard.config.public_url import PublicUrl
from callboard.config.settings import Settings, variables_of
from callboard.config.storage import Folder, LocalFile, StorageUrl
from callboard.config.values import ApiKey, DurationBetween, PemFile, Rate, RequestRate, SizeBetween

_INTRODUCTION = """\
# Settings

A process reads its settings from environment variables once, when it starts. If a value is invalid,
or a variable's name is nearly that of a setting, the process prints one sentence that names the
variable and exits with code 2. An empty variable counts as unset.

Write durations as `250ms`, `10s`, `5m`, `24h` or `7d`; a plain number means seconds.
Write sizes as `64KiB`, `16MiB` (powers of 1024) or `16MB` (powers of 1000); a plain number means
bytes. Separate the items of a list with commas. If a setting has several names, the first one that
is set applies.

This page is generated from `config/settings.py` by `make reference`.
"""


def render() -> str:
    """Return the whole page."""
    return "\n".join([_INTRODUCTION, *(_section(name) for name in Settings.model_fields)])


def _section(name: str) -> str:
    field = Settings.model_fields[name]
    first, *others = variables_of(name)
    lines = [f"## `{first}`", "", str(field.description), "", f"- Type: {_type(field)}"]
    lines.append(f"- Default: {_default(field)}")
    if others:
        lines.append(f"- Also read from: {', '.join(f'`{other}`' for other in others)}")
    return "\n".join([*lines, ""])


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    return ", ".join([_type_name(annotation, field), *_range(field)])


def _type_name(annotation: object, field: FieldInfo) -> str:
    if _is_secret(annotation):
        return "text (secret)" if SigningKey in get_args(annotation) else "URL (secret)"
    if annotation is int and any(_between(field, SizeBetween)):
        return "size"
    names: dict[object, str] = {
        tuple[ApiKey, ...]: "list of keys (secret)",
        tuple[str, ...]: "list",
        tuple[int, ...]: "list of whole numbers",
        tuple[timedelta, ...]: "list of durations",
        dict[str, int]: "list of `name=number`",
        dict[str, Rate]: "list of `operation=number/duration`",
        StorageUrl | None: "folder or URL",
        Folder | None: "folder",
        LocalFile | None: "file",
        PublicUrl | None: "URL",
        PemFile | None: "file",
        timedelta: "duration",
        RequestRate | None: "`requests/duration`, 1 to 1000000 in 1s to 1d",
        int: "whole number",
        bool: "`true` or `false`",
        str: "text",
    }
    return names[annotation]


def _is_secret(annotation: object) -> bool:
    return any(SecretStr in (part, *get_args(part)[:1]) for part in get_args(annotation))


def _range(field: FieldInfo) -> Iterator[str]:
    low = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    high = next((item.le for item in field.metadata if isinstance(item, Le)), None)
    if low is not None and high is not None:
        yield f"{low} to {high}"
    for kind in (DurationBetween, SizeBetween):
        for limits in _between(field, kind):
            yield f"{limits.low} to {limits.high}"
    patterns = (getattr(item, "pattern", None) for item in field.metadata)
    yield from (f"matching `{pattern}`" for pattern in patterns if pattern)


def _between(
    field: FieldInfo, kind: type[DurationBetween | SizeBetween]
) -> Iterator[DurationBetween | SizeBetween]:
    for item in field.metadata:
        if isinstance(item, AfterValidator) and isinstance(item.func, kind):
            yield item.func


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ((), {}):
        return "none"
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple):
        return f"`{','.join(_item(each) for each in value)}`"
    if any(_between(field, SizeBetween)):
        return f"`{format_bytes(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _item(value: object) -> str:
    return format_duration(value) if isinstance(value, timedelta) else str(value)


if __name__ == "__main__":
    print(render(), end="")
