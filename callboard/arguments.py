"""What the command line says, parsed."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import httpx


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
