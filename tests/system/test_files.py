"""Files go in, through a job and out again, over real servers."""

import hashlib
import secrets
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.exchanges import Exchange, complaints, exchange
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import Stack, installation

TEXT = b"one two three\n" * 100
MEBIBYTE = 1024**2
LARGE = 200 * MEBIBYTE
ENOUGH = 32 * MEBIBYTE
"""Far less than the file: a few pieces, and what a process takes for anything at all."""


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("installation")
    redis_server.connect().flushall()
    with installation(folder, rabbitmq, redis_server, f"test-{secrets.token_hex(6)}") as made:
        made.start(workers=2)
        yield made


def test_a_file_goes_through_a_job_and_what_it_makes_comes_out(stack: Stack) -> None:
    ask = Asking(stack.url)
    uploaded = ask("POST", "/v1/files?name=notes.txt", body=TEXT, Content_Type="text/plain").json

    job = ask(
        "POST",
        "/v1/operations/examine",
        body={"document": uploaded["id"]},
        Prefer="wait=20",
    ).json

    assert job["status"] == "succeeded", job["error"]
    assert job["result"]["words"] == 300
    files = job["result"]["files"]
    assert files["from"]["sha256"] == hashlib.sha256(TEXT).hexdigest()
    assert sorted(file["media_type"] for file in files.values()) == [
        "application/x-ply", "application/zip", "text/markdown", "text/plain",
    ]  # fmt: skip
    for file in files.values():
        whole = ask("GET", file["href"])
        assert hashlib.sha256(whole.body).hexdigest() == file["sha256"]
        digest = b64encode(hashlib.sha256(whole.body).digest()).decode()
        assert whole.header("Repr-Digest") == f"sha-256=:{digest}:"
        tag = whole.header("ETag") or ""
        rest = ask("GET", file["href"], Range="bytes=3-", If_Range=tag)
        assert (rest.status, rest.body) == (206, whole.body[3:])
        assert ask("HEAD", file["href"]).header("Content-Length") == str(file["size"])
        assert ask("GET", file["href"], If_None_Match=tag).status == 304
    assert ask("GET", files["mesh"]["href"], Range="bytes=999999-").status == 416
    assert ask("GET", files["mesh"]["href"], If_Match='"x"').status == 412
    assert ask("DELETE", f"/v1/files/{uploaded['id']}").status == 409
    assert ask("GET", job["links"]["result"], Accept_Encoding="gzip").status == 200
    copied = ask(
        "POST", "/v1/operations/copy", body={"document": uploaded["id"]}, Prefer="wait=20"
    ).json
    result = ask("GET", copied["links"]["result"])
    assert (result.body, result.header("Content-Disposition")) == (
        TEXT,
        'attachment; filename="copy of notes.txt"',
    )
    assert not ask.complaints()


def test_what_a_killed_worker_left_is_swept(stack: Stack, tmp_path: Path) -> None:
    noted = tmp_path / "noted"

    with stack.client() as client:
        job = client.submit("die_writing", {"path": str(noted)})
        eventually(noted.exists, what="the worker has written and died", timeout=20)
        ended = client.wait(job["id"], timeout=30)
        half = Path(noted.read_text())
        eventually(
            lambda: client.wait(client.submit("write_and_fail", {})["id"]) and not half.exists(),
            what="a later run sweeps the folder",
            timeout=20,
        )

    assert ended["status"] == "succeeded"


@pytest.mark.alone
def test_a_large_file_passes_without_being_held_in_memory(stack: Stack) -> None:
    began = time.monotonic()

    with httpx.Client(base_url=stack.url, timeout=30) as client:
        small = _pour(client, 1)
        _download(client, small)
        pids = _processes(stack)
        before = {pid: _peak_bytes(pid) for pid in pids}
        digest = _download(client, _pour(client, LARGE))
        after = {pid: _peak_bytes(pid) for pid in pids}

    grown = {pid: after[pid] - before[pid] for pid in pids}
    assert digest == hashlib.sha256(bytes(LARGE)).hexdigest()
    assert max(grown.values()) < ENOUGH, grown
    assert time.monotonic() - began < 20  # 4 s when nothing else runs


class Asking:
    """Asks, and keeps every answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answers: list[Exchange] = []

    def __call__(self, method: str, path: str, **more: object) -> Exchange:
        self._answers.append(exchange(self._url, method, path, **more))  # type: ignore[arg-type]
        return self._answers[-1]

    def complaints(self) -> list[str]:
        """List what is bad HTTP in them, but for `Location` beside 200, which is a convention."""
        return [
            f"{one.method} {one.target}: {one.status} {complaint}"
            for one in self._answers
            for complaint in complaints(one)
            if "Location header" not in complaint
        ]


def _pour(client: httpx.Client, size: int) -> str:
    job = client.post(
        "/v1/operations/pour", json={"size": size}, headers={"Prefer": "wait=25"}
    ).json()
    assert job["status"] == "succeeded", job["error"]
    address: str = job["links"]["result"]
    return address


def _download(client: httpx.Client, address: str) -> str:
    digest = hashlib.sha256()
    with client.stream("GET", address) as answer:
        for piece in answer.iter_raw(MEBIBYTE):
            digest.update(piece)
    return digest.hexdigest()


def _processes(stack: Stack) -> list[int]:
    """Name all processes of the installation."""
    groups = {started.process.pid for started in stack.started}
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit() and (path / "stat").exists():
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) in groups:
                found.append(int(path.name))
    return found


def _peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(each.split()[1]) * 1024 for each in lines if each.startswith("VmHWM")), 0)
