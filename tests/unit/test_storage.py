"""The storage in a folder: what is kept is whole, and what is not finished leaves nothing."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.errors import FileNotFound, StorageUnavailable
from jobs.files.storage import PIECE_BYTES, Storage
from tests.eventually import eventually

HOLDING = """
import sys, time
from pathlib import Path
from jobs.files.storage import Storage
storage = Storage(sys.argv[1])
with storage.stage() as staged, storage.folder() as folder:
    staged.write(b"half of it")
    (folder / "inside").write_text("x")
    print("holding", flush=True)
    sys.stdin.read()
"""


def kept(storage: Storage, key: str, body: bytes) -> None:
    with storage.stage() as staged:
        staged.write(body)
        storage.keep(staged.path, key)


def staged_in(folder: Path) -> list[Path]:
    return list((folder / ".staging").iterdir())


def test_what_is_kept_is_read_back_whole_or_in_part(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "files"))
    body = os.urandom(2 * PIECE_BYTES + 17)

    kept(storage, "ab/one", body)

    pieces = list(storage.read("ab/one"))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == PIECE_BYTES
    assert b"".join(storage.read("ab/one", PIECE_BYTES - 3, 10)) == body[PIECE_BYTES - 3 :][:10]
    assert list(storage.read("ab/one", 5, 0)) == []
    storage.fetch("ab/one", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == body


def test_a_staged_file_knows_its_size_and_digest_and_goes_when_it_is_left(tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path}/files")

    with storage.stage() as staged:
        staged.write(b"some ")
        staged.write(b"words")
        assert (staged.size, staged.sha256) == (10, hashlib.sha256(b"some words").hexdigest())
        assert staged.read(5, 100) == b"words"

    assert staged_in(tmp_path / "files") == []


def test_keeping_moves_within_a_file_system_and_copies_from_another(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm") / f"staging-{os.getpid()}"
    storage = Storage(str(tmp_path), elsewhere)
    try:
        kept(storage, "ab/one", b"words")

        assert (tmp_path / "ab" / "one").read_bytes() == b"words"
        assert list(elsewhere.iterdir()) == []
    finally:
        elsewhere.rmdir()


def test_an_object_is_removed_once_and_again(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    kept(storage, "ab/one", b"words")

    storage.remove("ab/one")
    storage.remove("ab/one")

    with pytest.raises(FileNotFound):
        list(storage.read("ab/one"))
    with pytest.raises(FileNotFound):
        list(storage.read("ab/one", 0, 5))
    with pytest.raises(FileNotFound):
        storage.fetch("ab/one", tmp_path / "copy")


def test_what_a_killed_process_held_is_swept_and_what_a_living_one_holds_is_not(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    others = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)
    ]
    for each in others:
        assert each.stdout is not None
        assert each.stdout.readline() == b"holding\n"
    before = set(staged_in(tmp_path))
    killed, living = others

    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        with Storage(str(tmp_path)).stage() as staged:
            left = set(staged_in(tmp_path)) - {staged.path}
    finally:
        living.communicate(b"")
        killed.communicate()

    assert len(before) == 4
    assert len(left) == 2
    assert left < before
    eventually(lambda: staged_in(tmp_path) == [], what="the living one has tidied up")


def test_what_another_machine_staged_is_left_alone_for_a_day(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    folder = tmp_path / ".staging"
    folder.mkdir()
    fresh, old = folder / "elsewhere-1", folder / "elsewhere-2"
    fresh.write_bytes(b"x")
    old.write_bytes(b"x")
    os.utime(old, (0, 0))

    storage.sweep()

    assert staged_in(tmp_path) == [fresh]


def test_a_temporary_storage_goes_with_its_process() -> None:
    storage = Storage(None)
    kept(storage, "ab/one", b"words")
    with storage.stage() as staged:
        folder = staged.path.parent.parent
    assert (folder / "ab" / "one").is_file()

    storage.close()

    assert not folder.exists()


def test_making_a_storage_touches_nothing(tmp_path: Path) -> None:
    Storage(str(tmp_path / "files")).close()
    Storage(None).close()
    Storage("s3://bucket/prefix")

    assert list(tmp_path.iterdir()) == []


def test_what_fails_names_no_place(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file where a folder should be")
    storage = Storage(str(tmp_path / "files"))

    with pytest.raises(StorageUnavailable) as caught, storage.stage():
        pass

    assert str(tmp_path) not in str(caught.value)
