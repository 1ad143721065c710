"""Requests of clients that submit batches."""

from collections.abc import Sequence
from typing import Any

from falcon import testing

from tests.api_app import ApiApp

URL = "/v1/batches"


def post(api_app: ApiApp, items: Sequence[Any], key: str | None = None, **more: Any) -> Any:
    headers = {**more.pop("headers", {}), **({"Idempotency-Key": key} if key else {})}
    return api_app.http.simulate_post(URL, json={"items": items, **more}, headers=headers)


def adds(count: int) -> list[dict[str, Any]]:
    return [{"operation": "add", "params": {"a": number}} for number in range(count)]


def statuses(answer: testing.Result) -> list[str]:
    return [each["status"] for each in answer.json["items"]]
