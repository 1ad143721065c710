"""Tells the fuzzer what the document cannot express."""

import secrets
from typing import Any

import msgpack
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.openapi.checks import UseAfterFree

from tests.contract.given_files import use_uploaded_files

_MSGPACK = "application/msgpack"
_KEY = "Idempotency-Key"
_HUGE = 1e308
_MAX_KEPT_LENGTH = 200
_GONE = 204

_use_after_free = CHECKS.get_one("use_after_free")
CHECKS.unregister("use_after_free")


_FIELDS = [
    st.one_of(st.just("*"), st.integers(low, high).map(str))
    for low, high in ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
]
schemathesis.openapi.format("cron", st.tuples(*_FIELDS).map(" ".join))
schemathesis.openapi.format("timezone", st.sampled_from(["UTC", "Europe/Berlin", "Etc/GMT+3"]))

_RECEIVERS = ["https://hooks.invalid/", "https://hooks.invalid:8443/a?b=c%20d", "HTTPS://a.invalid"]
schemathesis.openapi.format("iri", st.sampled_from(_RECEIVERS))


@schemathesis.serializer(_MSGPACK)
def write_msgpack(_context: Any, value: Any) -> bytes:
    # An integer of more than 64 bits cannot be encoded; use an equally invalid value that can.
    return msgpack.packb(value, default=lambda _number: _HUGE)


@schemathesis.deserializer(_MSGPACK)
def read_msgpack(_context: Any, response: Any) -> Any:
    return msgpack.unpackb(response.content)


@schemathesis.deserializer("text/html", "text/css", "text/javascript")
def read_text(_context: Any, response: Any) -> Any:
    return response.content.decode()


@schemathesis.hook
def before_load_schema(_context: Any, document: dict[str, Any]) -> None:
    """Build the second step of a cancel, which the document describes in words."""
    link = document["components"]["links"]["confirmCancel"]
    link["requestBody"] = {"confirm": "$response.body#/confirmation/token"}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Add what no schema can express: keys, callback URLs, and existing files and jobs."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    _name_a_receiver(case)
    use_uploaded_files(case)
    _wait_for_none(case)
    key = (case.headers or {}).get(_KEY)
    if key is None:
        return
    own = secrets.token_hex(16)
    if len(key) > _MAX_KEPT_LENGTH:
        case.headers[_KEY] = own
    else:
        case.headers[_KEY] = f'{key[:-1]}{own}"' if key.startswith('"') else f"{key}{own}"


def _name_a_receiver(case: Any) -> None:
    """Send callbacks to a host without a receiver: no schema can express which hosts are public."""
    if (case.query or {}).keys() & {"callback_url", "callback_events"}:
        case.query["callback_url"] = _RECEIVERS[0]
    body = case.body if isinstance(case.body, dict) else {}
    items = body.get("items") if isinstance(body.get("items"), list) else []
    for each in (body, *items):
        callback = each.get("callback") if isinstance(each, dict) else None
        if isinstance(callback, dict) and callback.get("url") not in _RECEIVERS:
            callback["url"] = _RECEIVERS[0]


def _wait_for_none(case: Any) -> None:
    """Remove references to other jobs: a schema cannot know which exist."""
    (case.query or {}).pop("after", None)
    body = case.body if isinstance(case.body, dict) else {}
    items = body.get("items") if isinstance(body.get("items"), list) else []
    for each in (body, *items):
        if isinstance(each, dict):
            each.pop("after", None)


@schemathesis.check
def use_after_free(ctx: Any, response: Any, case: Any) -> bool | None:
    """A DELETE that answers with the job has cancelled it; only 204 means that it is removed."""
    try:
        return _use_after_free(ctx, response, case)  # type: ignore[call-arg]  # its type fits any check
    except UseAfterFree as found:
        deleted = ctx.internals.find_response(case_id=found.deleted_case_id)
        if deleted is not None and deleted.status_code == _GONE:
            raise
    return None
