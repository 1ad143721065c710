"""What the command line says, parsed."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import httpx

Command = TypeVar("Command", bound=Callable[..., Any])


def with_json(command: Command) -> Command:
    """Let a command print for machines."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON, for machines.")(command)


def parse_url(_context: click.Context, _parameter: click.Parameter, url: str) -> str:
    """Take a server's address.

    Raises:
        BadParameter: nothing can be asked there.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise click.BadParameter(f"{url!r}: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise click.BadParameter(f"{url!r} is no address such as http://127.0.0.1:8000")
    return url


def parse_params(text: str) -> dict[str, Any]:
    """Read parameters: JSON, `@file` with it, or `@-` for the standard input.

    Raises:
        BadParameter: it is no JSON object.
    """
    if text == "@-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise click.BadParameter(str(error), param_hint="--params") from error
    try:
        params = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--params") from error
    if not isinstance(params, dict):
        raise click.BadParameter("must be a JSON object", param_hint="--params")
    return params


def parse_named(given: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[Path]]]:
    """Read parameters written as `name=text`, `name:=json` or `name=@file`.

    Returns:
        Values, and the paths of files, by name; a file may be given again, for a list of them.

    Raises:
        BadParameter: one is not written so, is given twice, or its file is not there.
    """
    values: dict[str, Any] = {}
    files: dict[str, list[Path]] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        as_json, name = name.endswith(":"), name.removesuffix(":")
        if not name or not equals:
            raise _wrong(f"{argument!r} is not NAME=TEXT, NAME:=JSON or NAME=@FILE")
        path = Path(value[1:])
        is_file = value.startswith("@") and not as_json
        if name in values or (name in files and not is_file):
            raise _wrong(f"{name!r} is given twice")
        if is_file and not path.is_file():
            raise _wrong(f"{name}: there is no file {str(path)!r}")
        if is_file:
            files.setdefault(name, []).append(path)
            continue
        try:
            values[name] = json.loads(value) if as_json else value
        except ValueError as error:
            raise _wrong(f"{name}: not JSON: {error}") from error
    return values, files


def _wrong(reason: str) -> click.BadParameter:
    return click.BadParameter(reason, param_hint="NAME=VALUE")


def parse_labels(given: Sequence[str]) -> dict[str, str]:
    """Read labels written as `name=value`.

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
