"""File transfers: streamed, repeated if necessary, and resumed."""

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from callboard.client import FileDamaged, Problem, UploadedFile
from tests.scripted_server import BUSY, Bytes, answer, client, job, refusal

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
TAG = f'"{SHA256}"'
DIGEST = f"sha-256=:{base64.b64encode(bytes.fromhex(SHA256)).decode()}:"
FILE = {
    "id": "f-1",
    "name": "mesh.ply",
    "media_type": "model/ply",
    "size": len(CONTENT),
    "sha256": SHA256,
    "href": "http://server/base/v1/files/f-1/content",
}


def uploaded(**more: Any) -> httpx.Response:
    document = {name: value for name, value in FILE.items() if name != "href"}
    said = {
        "created_at": "x",
        "expires_at": "2026-11-23T10:00:00.000Z",
        "links": {},
        "in_use": False,
    }
    return answer({**document, **said, **more}, 201)


def content(*parts: bytes | Exception, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(
        status, headers={"ETag": TAG, "Repr-Digest": DIGEST, **headers}, stream=Bytes(*parts)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "mesh.ply"
    made.write_bytes(CONTENT)
    return made


def test_an_upload_sends_its_name_and_length_and_leaves_the_type_to_the_server(path: Path) -> None:
    callboard, script = client(uploaded())
    seen: list[tuple[int, int | None]] = []

    file = callboard.upload(path, on_bytes=lambda done, total: seen.append((done, total)))

    (request,) = script.asked
    assert isinstance(file, UploadedFile)
    assert (file.id, file.media_type, file.sha256) == ("f-1", "model/ply", SHA256)
    assert request.content == CONTENT
    assert request.url.params["name"] == "mesh.ply"
    assert request.headers["Content-Length"] == str(len(CONTENT))
    assert request.headers["Content-Type"] == "application/octet-stream"
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert len(seen) > 3


@pytest.mark.parametrize("seekable", [True, False])
def test_an_interrupted_upload_is_repeated_from_its_start(seekable: bool) -> None:
    class Stream(io.BytesIO):
        name = "/tmp/from-a-stream.bin"

        def seekable(self) -> bool:
            return seekable

    callboard, script = client(httpx.WriteError("cut"), refusal(503, "x", **BUSY), uploaded())

    callboard.upload(Stream(CONTENT), media_type="model/ply")

    assert [request.content for request in script.asked] == [CONTENT] * 3
    assert script.asked[0].url.params["name"] == "from-a-stream.bin"
    assert script.asked[0].headers["Content-Type"] == "model/ply"


def test_an_upload_with_another_digest_on_the_server_is_damaged(path: Path) -> None:
    callboard, _script = client(uploaded(sha256="0" * 64))

    with pytest.raises(FileDamaged):
        callboard.upload(path)


def test_an_interrupted_download_resumes(tmp_path: Path) -> None:
    rest = {"Content-Range": f"bytes 1000-{len(CONTENT) - 1}/{len(CONTENT)}"}
    callboard, script = client(
        content(CONTENT[:1000], httpx.ReadError("cut")),
        refusal(503, "x", **BUSY),
        content(CONTENT[1000:], status=206, **rest),
    )
    to = tmp_path / "copy"

    assert callboard.download(FILE, to=to) == to

    assert to.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [to]
    ranges = [(r.headers.get("Range"), r.headers.get("If-Range")) for r in script.asked]
    assert ranges == [(None, None), ("bytes=1000-", TAG), ("bytes=1000-", TAG)]
    assert script.asked[0].url.path == "/base/v1/files/f-1/content"


def test_a_partial_file_of_an_earlier_run_is_used(tmp_path: Path) -> None:
    rest = {"Content-Range": f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"}
    callboard, script = client(content(CONTENT[5:], status=206, **rest))
    (tmp_path / "mesh.ply.part").write_bytes(CONTENT[:5])

    callboard.download(FILE, to=tmp_path)

    assert (tmp_path / "mesh.ply").read_bytes() == CONTENT
    assert script.asked[0].headers["Range"] == "bytes=5-"


def test_a_full_response_replaces_the_partial_file(tmp_path: Path) -> None:
    callboard, _script = client(content(CONTENT[:9], httpx.ReadError("cut")), content(CONTENT))

    to = callboard.download(FILE, to=tmp_path / "copy")

    assert to.read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"something else", CONTENT + b"!"])
def test_a_partial_file_of_another_version_is_discarded(tmp_path: Path, left: bytes) -> None:
    first = (
        refusal(416, "range-not-satisfiable")
        if len(left) > len(CONTENT)
        else content(
            CONTENT[len(left) :], status=206, **{"Content-Range": f"bytes {len(left)}-9/9"}
        )
    )
    callboard, _script = client(first, content(CONTENT))
    (tmp_path / "copy.part").write_bytes(left)

    assert callboard.download(FILE, to=tmp_path / "copy").read_bytes() == CONTENT


def test_a_file_that_arrives_damaged_twice_is_not_kept(tmp_path: Path) -> None:
    callboard, _script = client(content(b"no"), content(b"no"))

    with pytest.raises(FileDamaged):
        callboard.download(FILE, to=tmp_path / "copy")

    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    callboard, _script = client(refusal(404, "file-not-found"))

    with pytest.raises(Problem):
        callboard.download(FILE, to=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_job_whose_result_is_one_file_is_waited_for_and_downloaded(tmp_path: Path) -> None:
    done = answer(job("succeeded", result=FILE))
    callboard, _script = client(done, content(CONTENT))

    assert callboard.download("j-1", to=tmp_path) == tmp_path / "mesh.ply"


def test_a_job_whose_result_is_no_file_has_nothing_to_download(tmp_path: Path) -> None:
    callboard, _script = client(answer(job("succeeded", result=3)), answer(3))

    with pytest.raises(ValueError, match="not one file"):
        callboard.download("j-1", to=tmp_path)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        (".profile", "profile"),
        ("a\x1b[2Jb\\c:d.txt", "a_[2Jb_c_d.txt"),
        ("..", "file"),
        ("", "file"),
        ("Größe.txt", "Größe.txt"),
    ],
)
def test_a_hostile_name_stays_in_the_folder_and_replaces_nothing(
    tmp_path: Path, name: str, safe: str
) -> None:
    callboard, _script = client(content(CONTENT), content(CONTENT))

    first = callboard.download({**FILE, "name": name}, to=tmp_path)
    second = callboard.download({**FILE, "name": name}, to=tmp_path)

    assert first == tmp_path / safe
    assert second.parent == tmp_path
    assert second.name == f"{first.stem}-2{first.suffix}"


def test_files_are_submitted_as_one_form_with_options_as_its_query(path: Path) -> None:
    callboard, script = client(httpx.WriteError("cut"), answer(job(), 202))

    callboard.submit(
        "parse",
        {"pages": 3},
        files={"document": path, "images": [io.BytesIO(b"one"), str(path)]},
        callback={"url": "https://hooks.example.com/x", "events": ["job.failed"]},
        labels={"a": "b"},
        priority=7,
        run_at=None,
    )

    first, second = script.asked
    assert first.url.path == "/base/v1/operations/parse"
    assert dict(first.url.params) == {
        "label.a": "b",
        "priority": "7",
        "callback_url": "https://hooks.example.com/x",
        "callback_events": "job.failed",
    }
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert second.content.count(CONTENT) == 2
    assert second.content.count(b'; name="images"') == 2
    assert second.content.index(b'name="params"') < second.content.index(b'name="document"')
    assert b'{"pages": 3}' in second.content


def test_a_callback_is_a_url_or_an_object() -> None:
    callboard, script = client(answer(job(), 202), answer(job(), 202))

    callboard.submit("add", callback="https://hooks.example.com/x")
    callboard.submit("add", callback={"url": "u", "events": ["job.running"]})

    said = [json.loads(request.content)["callback"] for request in script.asked]
    assert said == [
        {"url": "https://hooks.example.com/x"},
        {"url": "u", "events": ["job.running"]},
    ]
