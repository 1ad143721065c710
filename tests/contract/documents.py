"""The document, and the comparison of real answers with it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgpack
from falcon import testing
from jsonschema import Draft202012Validator, ValidationError

from callboard.api.description import EVENT_STREAM
from callboard.jobs.registry import discover
from tests.api_app import ApiApp

_TEMPLATE: Final = re.compile(r"\{\w+\}")
FORMATS: Final = Draft202012Validator.FORMAT_CHECKER


@cache
def document() -> dict[str, Any]:
    """Write the document of a server with the test operations and those of an example."""
    api_app = app_of_contract()
    found: dict[str, Any] = api_app.http.simulate_get("/openapi.json").json
    return found


def app_of_contract(**settings: Any) -> ApiApp:
    """Create a web process with the operations of the contract tests."""
    registry = discover(["examples.curation", "tests.contract.operations"])
    return ApiApp(registry=registry, **settings)


def complaints(
    document: dict[str, Any], method: str, path: str, answer: testing.Result
) -> list[str]:
    """List the differences between an answer and the document.

    Args:
        document: describes the answers.
        method: of the request.
        path: of the request, without its query.
        answer: the real answer.
    """
    operation = _path_item(document, path)[method.lower()]
    described = operation["responses"].get(str(answer.status_code))
    if described is None:
        return [f"status {answer.status_code} is not described"]
    described = _resolved(document, described)
    return [*_of_headers(document, described, answer), *_of_body(document, described, answer)]


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """Create a validator of a schema that may refer to other schemas of the document."""
    whole = {**schema, "components": document["components"]}
    return Draft202012Validator(whole, format_checker=FORMATS)


def _path_item(document: dict[str, Any], path: str) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = document["paths"]
    if path in paths:
        return paths[path]
    return next(
        item
        for template, item in paths.items()
        if re.fullmatch(_TEMPLATE.sub("[^/]+", template), path)
    )


def _resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    _, _, section, name = value["$ref"].split("/")
    found: dict[str, Any] = document["components"][section][name]
    return found


def _of_headers(
    document: dict[str, Any], described: dict[str, Any], answer: testing.Result
) -> list[str]:
    known = {
        name.lower(): _resolved(document, value)
        for name, value in described.get("headers", {}).items()
    }
    given = {name.lower(): value for name, value in answer.headers.items()}
    wrong = [f"{name} is missing" for name, each in known.items() if each["required"]]
    wrong = [sentence for sentence in wrong if sentence.split()[0] not in given]
    for name, value in given.items():
        if name in ("content-type", "content-length"):
            continue
        if name not in known:
            wrong.append(f"{name} is not described")
            continue
        schema = known[name]["schema"]
        typed = int(value) if schema.get("type") == "integer" else value
        wrong += [
            f"{name}: {error.message}" for error in validator(document, schema).iter_errors(typed)
        ]
    return wrong


def _of_body(
    document: dict[str, Any], described: dict[str, Any], answer: testing.Result
) -> list[str]:
    content = described.get("content")
    if content is None:
        return ["a body is not described"] if answer.content else []
    media = (answer.headers.get("content-type") or "").partition(";")[0]
    if "content-encoding" in answer.headers:
        return []  # the same, compressed
    if media not in content and "*/*" in content:
        media = "*/*"
    if media not in content:
        return [f"{media} is not described"]
    schema = content[media]["schema"]
    values = _events(answer.text) if media == EVENT_STREAM else [_read(media, answer.content)]
    return [
        f"{error.json_path}: {error.message}"
        for value in values
        for error in [*validator(document, schema).iter_errors(value), *_of_data(document, value)]
    ]


def _events(text: str) -> list[dict[str, str]]:
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


def _of_data(document: dict[str, Any], value: Any) -> Iterator[ValidationError]:
    """Compare an event's data with the schema of its kind, which validators do not do."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), str):
        return
    event = document["components"]["schemas"][f"{value['event'].capitalize()}Event"]
    data = event["properties"]["data"]["contentSchema"]
    yield from validator(document, data).iter_errors(json.loads(value["data"]))


def _read(media: str, body: bytes) -> Any:
    if media == "application/msgpack":
        return msgpack.unpackb(body)
    if media.endswith("json"):
        return json.loads(body)
    return body.decode("latin-1")
