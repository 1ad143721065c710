"""The files of a result as one archive: whole, safe to extract, and for those who may read it."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from falcon import testing

from callboard.api.files.zip_stream import Member, archive_pieces, archive_size
from callboard.api.jobs.archive import unique_names
from callboard.jobs.errors import StorageUnavailable
from callboard.jobs.files.records import object_of
from callboard.jobs.files.storage import PIECE_BYTES
from callboard.jobs.purge import purge
from tests.api_app import keys_of
from tests.depot import BYTES, Depot, made

KEYS = keys_of("default:client:own", "globex:client:other", "staff:operator:watch")


@pytest.fixture
def depot() -> Iterator[Depot]:
    built = Depot()
    yield built
    built.close()


def _archive(depot: Depot, job_id: str, **headers: str) -> testing.Result:
    return depot.described("GET", f"/v1/jobs/{job_id}/archive", headers)


def _job(depot: Depot, **contents: bytes) -> str:
    files = [made(name.replace("_", "."), content) for name, content in contents.items()]
    return depot.job_with(lambda: [file.described() for file in files], *files)


def _opened(body: bytes) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(body))
    assert found.testzip() is None
    return found


def test_all_files_of_a_result_are_in_one_archive_of_a_size_that_was_told(depot: Depot) -> None:
    contents = {"mesh_ply": BYTES, "empty_txt": b"", "large_bin": bytes(3 * PIECE_BYTES + 1)}
    job_id = _job(depot, **contents)

    answer = _archive(depot, job_id)
    job = depot.get(job_id).json

    archive = _opened(answer.content)
    assert {each.filename: archive.read(each) for each in archive.infolist()} == {
        name.replace("_", "."): content for name, content in contents.items()
    }
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="echo-{job_id}.zip"'
    assert job["links"]["archive"].endswith(f"/v1/jobs/{job_id}/archive")


def test_equal_requests_get_equal_bytes_and_a_known_archive_is_not_sent(depot: Depot) -> None:
    job_id = _job(depot, a_txt=b"a", b_txt=b"b")

    first, second = _archive(depot, job_id), _archive(depot, job_id)
    known = _archive(depot, job_id, If_None_Match=first.headers["ETag"])
    another = _archive(depot, _job(depot, a_txt=b"a", b_txt=b"c"))

    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"] != another.headers["ETag"]
    assert (known.status_code, known.content) == (304, b"")


def test_head_tells_the_size_and_a_range_gets_the_whole(depot: Depot) -> None:
    job_id = _job(depot, a_txt=b"a")

    head = depot.http.simulate_head(f"/v1/jobs/{job_id}/archive")
    part = _archive(depot, job_id, Range="bytes=0-1")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(part.content))
    assert part.status_code == 200
    assert _opened(part.content).namelist() == ["a.txt"]


def test_a_result_without_files_has_no_archive_and_no_link_to_one(depot: Depot) -> None:
    job_id = depot.job_with({"found": 1})

    answer = _archive(depot, job_id)

    assert answer.status_code == 404
    assert answer.json["type"].endswith("/problems/file-not-found")
    assert "archive" not in depot.get(job_id).json["links"]


def test_what_has_no_result_is_told_as_at_the_result(depot: Depot) -> None:
    active = depot.submit({"operation": "echo", "params": {"value": 1}}).json["id"]
    failed = depot.submit({"operation": "echo", "params": {"value": 1}}).json["id"]
    depot.fail(failed, {"type": "failure", "detail": "no"})

    answers = [_archive(depot, active), _archive(depot, failed)]

    assert [each.status_code for each in answers] == [409, 409]
    assert int(answers[0].headers["Retry-After"]) >= 1
    assert answers[1].json["type"].endswith("/problems/no-result")


def test_removed_files_are_gone_as_the_result_is(depot: Depot) -> None:
    gone, purged = _job(depot, a_txt=b"a"), _job(depot, a_txt=b"a")
    (file,) = depot.get(gone).json["result"]
    depot.storage.remove(object_of(file["id"]))
    purge(depot.store, purged)

    answers = [_archive(depot, gone), _archive(depot, purged)]

    assert [each.status_code for each in answers] == [410, 410]


def test_other_tenants_find_no_archive_and_operators_do() -> None:
    depot = Depot(api_keys=KEYS)
    file = made("a.txt", b"a")
    job_id = depot.job_with(file.described, file, key="own")

    codes = [
        _archive(depot, job_id, X_API_Key=key).status_code for key in ("own", "other", "watch")
    ]
    depot.close()

    assert codes == [200, 404, 200]


@pytest.mark.parametrize(
    ("names", "safe"),
    [
        (["a.txt", "a.txt", "A.TXT"], ["a.txt", "a-2.txt", "A-3.TXT"]),
        (["a.txt", "a-2.txt", "a.txt"], ["a.txt", "a-2.txt", "a-3.txt"]),
        (["../up", "/root", "a\\b", "C:evil"], [".._up", "_root", "a_b", "C_evil"]),
        (["..", ".", "", " "], ["file", "file-2", "file-3", "file-4"]),
        (["ends. ", "\u202etxt.exe"], ["ends", "_txt.exe"]),
        (["größe.bin"], ["größe.bin"]),
    ],
)
def test_names_in_an_archive_are_unique_and_stay_in_its_folder(
    names: list[str], safe: list[str]
) -> None:
    assert unique_names(names) == safe


def test_an_archive_of_more_than_4_gib_has_the_size_that_was_told() -> None:
    def read(size: int) -> Iterator[bytes]:
        piece = bytes(PIECE_BYTES)
        for start in range(0, size, PIECE_BYTES):
            yield piece[: size - start]

    sizes = [0, 2**31 + 5, 2**31 - 7, 3]
    members = [_member(f"{size}.bin", size, lambda size=size: read(size)) for size in sizes]

    told, sent = archive_size(members), sum(map(len, archive_pieces(members)))

    assert told == sent


def test_a_file_that_changed_its_size_breaks_the_archive_off() -> None:
    for content in (b"ab", b"abcd"):
        member = _member("a.txt", 3, lambda content=content: iter([content]))

        with pytest.raises(StorageUnavailable):
            list(archive_pieces([member]))


def _member(name: str, size: int, read: Any) -> Member:
    return Member(name, size, datetime(2026, 11, 30, tzinfo=UTC), read)
