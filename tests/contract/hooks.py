"""Tells the fuzzer what it cannot read in the document."""

import secrets
from typing import Any

import msgpack
import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.openapi.checks import UseAfterFree

_MSGPACK = "application/msgpack"
_KEY = "Idempotency-Key"
_LARGEST = 1e308
_LONGEST_KEPT = 200
_GONE = 204

_use_after_free = CHECKS.get_one("use_after_free")
CHECKS.unregister("use_after_free")


@schemathesis.serializer(_MSGPACK)
def write_msgpack(_context: Any, value: Any) -> bytes:
    # A whole number of more than 64 bits cannot be said; what can is as wrong.
    return msgpack.packb(value, default=lambda _number: _LARGEST)


@schemathesis.deserializer(_MSGPACK)
def read_msgpack(_context: Any, response: Any) -> Any:
    return msgpack.unpackb(response.content)


@schemathesis.deserializer("text/html", "text/css", "text/javascript")
def read_text(_context: Any, response: Any) -> Any:
    return response.content.decode()


@schemathesis.hook
def before_load_schema(_context: Any, document: dict[str, Any]) -> None:
    """Say what the second step of a cancel sends, which the document says in words."""
    link = document["components"]["links"]["confirmCancel"]
    link["requestBody"] = {"confirm": "$response.body#/confirmation/token"}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Give each submission a key of its own: no schema says that a key is for one payload."""
    key = (case.headers or {}).get(_KEY)
    if key is None or case.meta is None or not case.meta.generation.mode.is_positive:
        return
    own = secrets.token_hex(16)
    if len(key) > _LONGEST_KEPT:
        case.headers[_KEY] = own
    else:
        case.headers[_KEY] = f'{key[:-1]}{own}"' if key.startswith('"') else f"{key}{own}"


@schemathesis.check
def use_after_free(ctx: Any, response: Any, case: Any) -> bool | None:
    """A DELETE that answers with the job has cancelled it; only 204 means that it is removed."""
    try:
        return _use_after_free(ctx, response, case)
    except UseAfterFree as found:
        deleted = ctx.internals.find_response(case_id=found.deleted_case_id)
        if deleted is not None and deleted.status_code == _GONE:
            raise
    return None
