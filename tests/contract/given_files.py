"""Puts existing files into the fuzzer's valid requests: a schema can only require an id."""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import httpx

from tests.contract.operations import copy, measure

_FORM: Final = "multipart/form-data"
_KEY: Final = "Authorization"
_TEXT: Final = "one, two\nthree, four\n"
_PARAMETERS: Final = {each.name: each.parameters.files for each in (copy, measure)}


def use_uploaded_files(case: Any) -> None:
    """Use uploaded files for file parameters, and send texts where forms contain files."""
    own = _PARAMETERS.get(case.path.rpartition("/")[2])
    if own is not None and case.media_type == _FORM:
        _fill_form(case)
        return
    key = (case.headers or {}).get(_KEY)
    if key is None:
        return
    for name, params in _parameters(case.body, case.path):
        for parameter, files in _PARAMETERS[name].items():
            if (given := params.get(parameter)) is not None:
                file = _uploaded(case.operation.base_url, key)
                params[parameter] = [file] * len(given) if files.many else file


def _parameters(body: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Find the file parameters of the operation that a request names."""
    if not isinstance(body, dict):
        return
    if (name := path.rpartition("/")[2]) in _PARAMETERS:
        yield name, body
    for each in (body, *_items(body)):
        name = each.get("operation")
        if name in _PARAMETERS and isinstance(each.get("params"), dict):
            yield name, each["params"]


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    items = body.get("items")
    return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def _fill_form(case: Any) -> None:
    files = _PARAMETERS[case.path.rpartition("/")[2]]
    for name in files.keys() & case.body.keys():
        case.body[name] = [_TEXT] * len(case.body[name]) if files[name].many else _TEXT
    case.multipart_content_types = dict.fromkeys(files, "text/plain")


@cache
def _uploaded(url: str, key: str) -> str:
    """Upload a text; no request removes it, because no answer to the fuzzer names it."""
    headers = {_KEY: key, "Content-Type": "text/plain"}
    answer = httpx.post(f"{url}/v1/files", content=_TEXT, headers=headers)
    answer.raise_for_status()
    found: str = answer.json()["id"]
    return found
