"""Results and files are sent whole or in part, with digests, and only if needed."""

import gzip
import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgpack
import pytest
import zstandard
from falcon import testing

from callboard.api.app import create_app
from callboard.api.waiting.fair_limit import FairLimit
from callboard.jobs.files.records import new_file_id, object_of
from callboard.jobs.files.storage import PIECE_BYTES
from callboard.jobs.purge import purge
from tests.api_app import hash_of
from tests.depot import BYTES, Depot, made

SHA256 = hashlib.sha256(BYTES).hexdigest()
TAG = f'"{SHA256}"'


@pytest.fixture
def depot() -> Iterator[Depot]:
    made = Depot()
    yield made
    made.close()


def test_a_download_has_all_headers_that_describe_the_file(depot: Depot) -> None:
    answer = depot.content(depot.upload(name="größe.bin"))

    assert (answer.status_code, answer.content) == (200, BYTES)
    told = {
        "Content-Type": "image/png",
        "Content-Length": str(len(BYTES)),
        "ETag": TAG,
        "Accept-Ranges": "bytes",
        "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(SHA256)).decode()}:",
        "Content-Disposition": 'attachment; filename="gr__e.bin"; '
        "filename*=UTF-8''gr%C3%B6%C3%9Fe.bin",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Cache-Control": "private, no-cache",
    }
    assert {name: answer.headers.get(name) for name in told} == told


def test_head_answers_like_get_without_the_bytes(depot: Depot) -> None:
    file_id = depot.upload()
    whole = depot.content(file_id)

    head = depot.http.simulate_head(f"/v1/files/{file_id}/content", headers={"Range": "bytes=0-1"})

    assert (head.status_code, head.content) == (200, b"")
    ours = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in ours} == {
        k: v for k, v in whole.headers.items() if k not in ours
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=-3", 2557, 2560), ("bytes=9-9999", 9, 2560)],
)  # fmt: skip
def test_a_range_returns_a_part(depot: Depot, asked: str, start: int, end: int) -> None:
    answer = depot.content(depot.upload(), Range=asked)

    assert (answer.status_code, answer.content) == (206, BYTES[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/2560"
    assert answer.headers["Content-Length"] == str(end - start)
    assert answer.headers["ETag"] == TAG


@pytest.mark.parametrize("asked", ["bytes=0-1,3-4", "bytes=5-3", "lines=1-2", "bytes=x"])
def test_unsupported_ranges_return_the_whole_file(depot: Depot, asked: str) -> None:
    answer = depot.content(depot.upload(), Range=asked)

    assert (answer.status_code, answer.content) == (200, BYTES)


@pytest.mark.parametrize("asked", ["bytes=2560-", "bytes=-0"])
def test_an_unsatisfiable_range_is_a_problem(depot: Depot, asked: str) -> None:
    answer = depot.content(depot.upload(), Range=asked)

    assert answer.status_code == 416
    assert answer.json["type"].endswith("/problems/range-not-satisfiable")
    assert answer.headers["Content-Range"] == "bytes */2560"
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    ("if_range", "status"),
    [
        (TAG, 206),
        (f"W/{TAG}", 200),
        ('"other"', 200),
        ("Sun, 22 Nov 2026 10:00:00 GMT", 200),
    ],
)
def test_a_range_applies_only_to_the_clients_version(
    depot: Depot, if_range: str, status: int
) -> None:
    answer = depot.content(depot.upload(), Range="bytes=0-1", If_Range=if_range)

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": TAG}, 304),
        ({"If_None_Match": f'"x", W/{TAG}'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"x"'}, 200),
        ({"If_None_Match": TAG, "Range": "bytes=0-0"}, 304),
        ({"If_None_Match": TAG, "Range": "bytes=9999-"}, 304),
        ({"If_Match": TAG}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": f"W/{TAG}"}, 412),
        ({"If_Match": '"x"', "If_None_Match": TAG}, 412),
    ],
)
def test_preconditions_are_evaluated_in_the_standard_order(
    depot: Depot, headers: dict[str, str], status: int
) -> None:
    answer = depot.content(depot.upload(), **headers)

    assert answer.status_code == status
    if status == 304:
        assert answer.content == b""
        assert answer.headers["ETag"] == TAG


def test_an_empty_file_is_sent(depot: Depot) -> None:
    answer = depot.content(depot.upload(b""))

    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


def test_an_invalid_file_id_is_not_found(depot: Depot) -> None:
    noise = hashlib.shake_256(b"").hexdigest(10_000)
    result_file = depot.store.redis.hget(
        depot.store.keys("job", depot.job_with(noise)), "result_file"
    )

    found = [depot.content(each).status_code for each in (new_file_id(), "x", result_file.decode())]

    assert found == [404] * 3


def test_missing_bytes_are_reported_before_any_is_sent(depot: Depot) -> None:
    file_id = depot.upload()
    depot.storage.remove(object_of(file_id))

    gone = depot.content(file_id)

    assert gone.status_code == 404


def test_a_result_that_is_one_file_redirects_to_that_file(depot: Depot) -> None:
    file = made("mesh.stl", BYTES)
    job_id = depot.job_with(file.described, file)

    answer = depot.result(job_id)
    part = depot.result(job_id, Range="bytes=-4")
    job = depot.get(job_id).json

    assert (answer.content, answer.headers["Content-Type"]) == (BYTES, "model/stl")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mesh.stl"'
    assert (part.status_code, part.content) == (206, BYTES[-4:])
    href = job["result"].pop("href")
    assert job["result"] == file.described()
    assert href == f"http://falconframework.org/v1/files/{file.id}/content"
    assert depot.http.simulate_get(href.removeprefix("http://falconframework.org")).content == BYTES


def test_nested_files_get_addresses_and_lookalikes_do_not(
    depot: Depot,
) -> None:
    file = made("a.csv", b"1,2\n")
    fake = {"id": new_file_id(), "name": "x", "media_type": "a/b", "size": 1, "sha256": "0"}
    job_id = depot.job_with(
        lambda: {
            "tables": [[file.described()]],
            "fake": fake,
            "also": {**file.described(), "x": 1},
        },
        file,
    )

    result = depot.result(job_id).json

    assert result["tables"][0][0]["href"].endswith(f"/v1/files/{file.id}/content")
    assert result["fake"] == fake
    assert "href" not in result["also"]
    assert depot.get(job_id).json["result"] == result


def test_a_result_in_the_storage_is_answered_like_any_other(depot: Depot) -> None:
    noise = hashlib.shake_256(b"").hexdigest(100_000)
    job_id = depot.job_with({"noise": noise})

    assert depot.store.redis.exists(depot.store.keys("result", job_id)) == 0
    assert depot.result(job_id).json == {"noise": noise}
    assert depot.get(job_id).json["result"] is None


@pytest.mark.parametrize(
    ("accepted", "coding"), [("gzip", "gzip"), ("gzip, zstd", "zstd"), ("br", None), ("", None)]
)
def test_a_result_is_compressed_as_the_client_accepts_it(
    depot: Depot, accepted: str, coding: str | None
) -> None:
    value = ["text"] * 1000
    job_id = depot.job_with(value)
    plain = depot.result(job_id)

    answer = depot.result(job_id, Accept_Encoding=accepted)

    assert answer.headers.get("Content-Encoding") == coding
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"
    open_ = {"gzip": gzip.decompress, "zstd": zstandard.decompress}.get(coding or "", bytes)
    assert open_(answer.content) == plain.content
    assert (answer.headers["ETag"] == plain.headers["ETag"]) == (coding is None)
    digest = b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert (
        depot.result(
            job_id, Accept_Encoding=accepted, If_None_Match=answer.headers["ETag"]
        ).status_code
        == 304
    )


def test_a_small_result_is_not_compressed(depot: Depot) -> None:
    answer = depot.result(depot.job_with("x" * 1000), Accept_Encoding="gzip")

    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Vary"] == "Accept, Accept-Encoding"


def test_each_media_type_of_a_result_has_its_own_tag_and_ranges(depot: Depot) -> None:
    job_id = depot.job_with({"a": [1, 2]})

    json, packed = depot.result(job_id), depot.result(job_id, Accept="application/msgpack")
    part = depot.result(job_id, Accept="application/msgpack", Range="bytes=1-")

    assert json.headers["ETag"] != packed.headers["ETag"]
    assert msgpack.unpackb(packed.content) == {"a": [1, 2]}
    assert (part.status_code, part.content) == (206, packed.content[1:])


@pytest.mark.parametrize("value", [None, 0, "", [], False])
def test_an_empty_result_is_a_result(depot: Depot, value: Any) -> None:
    answer = depot.result(depot.job_with(value))

    assert (answer.status_code, answer.json) == (200, value)


def test_a_file_in_use_stays_until_its_job_is_purged(depot: Depot) -> None:
    file = made("a.csv", b"1,2\n")
    job_id = depot.job_with(file.described, file)
    path = f"/v1/files/{file.id}"

    refused = depot.http.simulate_delete(path)
    purge(depot.store, job_id)
    removed = depot.http.simulate_delete(path)

    assert (refused.status_code, removed.status_code) == (409, 204)
    assert depot.content(file.id).status_code == 404


def test_a_result_whose_file_is_gone_is_gone(depot: Depot) -> None:
    file = made("a.csv", b"1,2\n")
    job_id = depot.job_with(file.described, file)
    depot.storage.remove(object_of(file.id))

    assert depot.result(job_id).status_code == 410


def test_an_operator_downloads_for_every_tenant_and_others_do_not() -> None:
    keys = f"default:client:{hash_of('mine')},other:client:{hash_of('theirs')}"
    depot = Depot(api_keys=f"{keys},ops:operator:{hash_of('all')}")
    file = made("a.csv", b"1,2\n")
    try:
        job_id = depot.job_with(file.described, file, key="mine")

        found = [
            (
                depot.result(job_id, X_API_Key=key).status_code,
                depot.content(file.id, X_API_Key=key).status_code,
            )
            for key in ("mine", "theirs", "all")
        ]
    finally:
        depot.close()

    assert found == [(200, 200), (404, 404), (200, 200)]


def test_buffers_for_slow_readers_are_bounded_and_released(depot: Depot) -> None:
    size = 2 * PIECE_BYTES
    job = depot.job_with("a" * size)
    app = create_app(replace(depot.services, aside=(aside := FairLimit(3 * size, greed=3))))
    http = testing.TestClient(app)
    path, uncompressed = f"/v1/jobs/{job}/result", {"Accept-Encoding": "identity"}

    unread = [
        app(testing.create_environ(path, headers=uncompressed), testing.StartResponseMock())
        for _ in range(2)
    ]
    held = aside.taken
    refused = http.simulate_get(path, headers=uncompressed)
    small = http.simulate_get(path, headers={"Accept-Encoding": "gzip"})
    for each in unread:
        each.close()  # type: ignore[attr-defined]  # as servers do (PEP 3333)
    again = http.simulate_get(path, headers=uncompressed)

    assert held == 2 * (size + 2)
    assert (refused.status_code, refused.json["code"]) == (503, "DOWNLOADS_FULL")
    assert int(refused.headers["Retry-After"]) > 0
    assert (small.status_code, again.status_code, len(again.content)) == (200, 200, size + 2)
    assert aside.taken == 0
