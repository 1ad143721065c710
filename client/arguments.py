"""Parses the command line's arguments."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
import httpx

Command = TypeVar("Command", bound=Callable[..., Any])


def with_json(command: Command) -> Command:
    """Add the option --json to a command."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON, for programs.")(command)


def parse_url(_context: click.Context, _parameter: click.Parameter, url: str) -> str:
    """Parse a server's URL.

    Raises:
        BadParameter: it is not a usable URL.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise click.BadParameter(f"{url!r}: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise click.BadParameter(f"{url!r} is not a URL such as http://127.0.0.1:8000")
    return url


def parse_params(text: str) -> dict[str, Any]:
    """Parse parameters: JSON, `@file` with JSON, or `@-` for standard input.

    Raises:
        BadParameter: it is not a JSON object.
    """
    try:
        if text == "@-":
            # JSON is UTF-8, whatever the encoding of the terminal is.
            text = sys.stdin.buffer.read().decode() if sys.stdin else ""
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(str(error), param_hint="--params") from error
    try:
        params = parse_json(text)
    except ValueError as error:
        raise click.BadParameter(f"invalid JSON: {error}", param_hint="--params") from error
    if not isinstance(params, dict):
        raise click.BadParameter("must be a JSON object", param_hint="--params")
    return params


def parse_json(text: str) -> Any:
    """Parse standard JSON: without NaN, and without losing digits of numbers.

    Raises:
        ValueError: it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


@dataclass(frozen=True)
class Named:
    """Parameters by name, as they were written.

    Attributes:
        values: JSON.
        fields: texts, which the server converts by the operation's schema; several for a list.
        files: paths; several for a list.
    """

    values: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)


def parse_named(given: Sequence[str]) -> Named:
    """Parse parameters written as `name=text`, `name:=json` or `name=@file`.

    Raises:
        BadParameter: one is malformed, is given in two ways, or its file does not exist.
    """
    named = Named()
    for argument in given:
        name, equals, value = argument.partition("=")
        as_json, name = name.endswith(":"), name.removesuffix(":")
        if not name or not equals:
            raise _wrong(f"{argument!r} is not NAME=TEXT, NAME:=JSON or NAME=@FILE")
        if as_json:
            _add_json(named, name, value)
        elif value.startswith("@"):
            _add_file(named, name, Path(value[1:]))
        else:
            named.fields.setdefault(name, []).append(value)
    ways = [*named.values, *named.fields, *named.files]
    twice = next((name for name in ways if ways.count(name) > 1), None)
    if twice is not None:
        raise _wrong(f"{twice!r} is set twice")
    return named


def _add_json(named: Named, name: str, text: str) -> None:
    if name in named.values:
        raise _wrong(f"{name!r} is set twice")
    try:
        named.values[name] = parse_json(text)
    except ValueError as error:
        raise _wrong(f"{name}: invalid JSON: {error}") from error


def _add_file(named: Named, name: str, path: Path) -> None:
    if not path.is_file():
        raise _wrong(f"{name}: file {str(path)!r} not found")
    named.files.setdefault(name, []).append(path)


def _wrong(reason: str) -> click.BadParameter:
    return click.BadParameter(reason, param_hint="NAME=VALUE")


def parse_labels(given: Sequence[str]) -> dict[str, str]:
    """Parse labels written as `name=value`.

    Raises:
        BadParameter: one has no name or no value.
    """
    labels = {}
    for label in given:
        name, equals, value = label.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{label!r} is not NAME=VALUE", param_hint="--label")
        labels[name] = value
    return labels
