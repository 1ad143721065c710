"""Concurrent uploads and downloads are limited, so that slow ones leave connections to others."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from falcon import testing

from callboard.api.waiting.transfer_limits import TransferLimits
from tests.api_app import ApiApp

PLACES = 9
CONTENT = b"callboard" * 100
LARGE = "x" * 100_000


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    made = ApiApp(transfers=TransferLimits(downloads=PLACES, uploads=PLACES))
    yield made
    made.close()


def _upload(api_app: ApiApp) -> testing.Result:
    return api_app.http.simulate_post(
        "/v1/files", body=CONTENT, content_type="application/octet-stream"
    )


def _job_with(api_app: ApiApp, value: str) -> str:
    job_id: str = api_app.submit({"operation": "echo", "params": {"value": 1}}).json["id"]
    api_app.succeed(job_id, value)
    return job_id


def _begin(api_app: ApiApp, path: str) -> Any:
    """Send a request without reading the answer."""
    return api_app.app(testing.create_environ(path), testing.StartResponseMock())


def _code(answer: testing.Result) -> tuple[int, str | None]:
    return answer.status_code, answer.json.get("code")


@pytest.mark.parametrize("asked", ["a file", "a large result"])
def test_slow_downloads_do_not_block_other_requests(api_app: ApiApp, asked: str) -> None:
    file = f"/v1/files/{_upload(api_app).json['id']}/content"
    result = f"/v1/jobs/{_job_with(api_app, LARGE)}/result"
    small = f"/v1/jobs/{_job_with(api_app, 'little')}/result"
    slow = file if asked == "a file" else result

    with ExitStack() as reading:
        for _ in range(PLACES):
            reading.enter_context(closing(_begin(api_app, slow)))
        refused = [api_app.http.simulate_get(path) for path in (file, result)]
        others = [api_app.http.simulate_get(path) for path in (small, "/v1/operations")]
        heads = [api_app.http.simulate_head(path) for path in (file, result)]
    again = api_app.http.simulate_get(slow)

    assert [_code(answer) for answer in refused] == [(503, "DOWNLOADS_FULL")] * 2
    assert [answer.status_code for answer in (*others, *heads)] == [200] * 4
    assert refused[0].headers["Retry-After"] == "5"
    assert again.status_code == 200


def test_a_failed_download_frees_its_place(api_app: ApiApp) -> None:
    file_id = _upload(api_app).json["id"]
    path = f"/v1/files/{file_id}/content"

    refused = [
        api_app.http.simulate_get(path, headers={"Range": "bytes=9999999-"}).status_code
        for _ in range(2 * PLACES)
    ]

    assert refused == [416] * len(refused)
    assert api_app.http.simulate_get(path).status_code == 200


def test_concurrent_uploads_are_limited() -> None:
    full = ApiApp(transfers=TransferLimits(uploads=0))

    with closing(full):
        refused = [_upload(full), full.http.simulate_post("/v1/files", **_form())]
        others = full.submit()

    assert [_code(answer) for answer in refused] == [(503, "BODIES_FULL")] * 2
    assert others.status_code == 202


def test_an_upload_frees_its_place(api_app: ApiApp) -> None:
    kept = [_upload(api_app).status_code for _ in range(2 * PLACES)]
    failed = [
        api_app.http.simulate_post(
            "/v1/files", body=b"", content_type="application/octet-stream"
        ).status_code
        for _ in range(2 * PLACES)
    ]

    assert kept == [201] * len(kept)
    assert failed == [411] * len(failed)
    assert _upload(api_app).status_code == 201


def _form() -> dict[str, Any]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    return {
        "body": head + CONTENT + b"\r\n--b--\r\n",
        "content_type": "multipart/form-data; boundary=b",
    }
