"""Files are uploaded, processed by a job and downloaded, on real servers."""

import hashlib
import secrets
import shutil
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.contract.exchanges import Exchange, complaints, exchange
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.connection import Connection
from tests.system.stack import Stack, installation
from tests.system.uploading import Memory, web_process

TEXT = b"one two three\n" * 100
MEBIBYTE = 1024**2
LARGE = 200 * MEBIBYTE
ENOUGH = 32 * MEBIBYTE
"""Far less than the file: a few pieces, and the usual memory of a process."""


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("installation")
    redis_server.connect().flushall()
    with installation(folder, rabbitmq, redis_server, f"test-{secrets.token_hex(6)}") as made:
        made.start(workers=2, CALLBOARD_STORED_RESULT_BYTES="64KiB")
        yield made


def test_a_job_reads_an_uploaded_file_and_returns_one(stack: Stack) -> None:
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


def test_a_storage_outage_is_reported_and_fails_no_job(stack: Stack) -> None:
    files, away = stack.folder / "files", stack.folder / "away"
    with httpx.Client(base_url=stack.url, timeout=20) as http:
        file = http.post("/v1/files", content=TEXT, headers={"Content-Type": "text/plain"}).json()
        files.rename(away)
        files.mkdir()  # what exists while nothing is mounted
        try:
            read = http.get(file["links"]["content"])
            sent = http.post("/v1/files", content=TEXT, headers={"Content-Type": "text/plain"})
            taken = http.post("/v1/operations/read_patiently", json={"document": file["id"]})
            job = taken.json()["links"]["self"]
            eventually(lambda: http.get(job).json()["attempt"] == 1, what="one attempt", timeout=10)
        finally:
            shutil.rmtree(files)
            away.rename(files)
        eventually(lambda: http.get(job).json()["finished_at"], what="it ends", timeout=10)
        ended = http.get(job).json()
        again = http.get(file["links"]["content"])

    assert [answer.status_code for answer in (read, sent)] == [503, 503]
    assert {answer.headers["Retry-After"] for answer in (read, sent)} == {"5"}
    assert (ended["status"], ended["attempt"]) == ("succeeded", 2)
    assert again.content == TEXT
    assert b"Traceback" not in stack.started[0].log.read_bytes()


@pytest.mark.parametrize("size", [100_000, 290_000])  # from Redis, from the storage
def test_many_clients_download_a_large_result_at_once(stack: Stack, size: int) -> None:
    with httpx.Client(base_url=stack.url, timeout=20) as http:
        job = http.post(
            "/v1/operations/noise", json={"size": size}, headers={"Prefer": "wait=20"}
        ).json()
        assert job["status"] == "succeeded", job["error"]
        address = job["links"]["result"]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: http.get(address), range(24)))

    assert [answer.status_code for answer in answers] == [200] * 24
    assert {len(answer.json()) for answer in answers} == {size}


def test_files_left_by_a_killed_worker_are_removed(stack: Stack, tmp_path: Path) -> None:
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
def test_a_large_file_is_never_held_in_memory(stack: Stack) -> None:
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


@pytest.mark.alone
def test_slow_readers_of_a_large_result_take_little_memory(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, timeout=20) as http:
        job = http.post(
            "/v1/operations/flood", json={"size": 8 * MEBIBYTE}, headers={"Prefer": "wait=20"}
        ).json()
        assert job["status"] == "succeeded", job["error"]
        path = job["links"]["result"].removeprefix(stack.url)
        http.get(path)
        memory = Memory(web_process(stack))
        readers = [Connection(stack.port) for _ in range(64)]
        for reader in readers:
            reader.send(path)
        for reader in readers:
            reader.read_until(b"\r\n\r\n")
        grown = memory.growth()
        for reader in readers:
            reader.close()

    assert grown < 384 * MEBIBYTE  # all of them together would be 512, plus copies


class Asking:
    """Sends requests, and stores every answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answers: list[Exchange] = []

    def __call__(self, method: str, path: str, **more: object) -> Exchange:
        self._answers.append(exchange(self._url, method, path, **more))  # type: ignore[arg-type]
        return self._answers[-1]

    def complaints(self) -> list[str]:
        """List violations of HTTP in them, except `Location` with 200, which is a convention."""
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
    """Return all processes of the installation."""
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
