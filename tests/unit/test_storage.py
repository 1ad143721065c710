"""The storage in a folder: stored files are whole, and unfinished ones leave nothing."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from callboard.jobs.errors import FileNotFound, StorageUnavailable
from callboard.jobs.files.storage import PIECE_BYTES, Storage
from tests.eventually import eventually

HOLDING = """
import sys, time
from pathlib import Path
from callboard.jobs.files.storage import Storage
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


COPYING = """
import os, signal, sys, threading, time
from pathlib import Path
from callboard.jobs.files.storage import Storage
root = Path(sys.argv[1])
storage = Storage(str(root), Path(sys.argv[2]))

def die():
    while not any(each.is_file() and each.stat().st_size > 2**20 for each in root.rglob("*")):
        time.sleep(0)
    os.kill(os.getpid(), signal.SIGKILL)

with storage.stage() as staged:
    for _ in range(200):
        staged.write(bytes(2**20))
    threading.Thread(target=die).start()
    storage.keep(staged.path, "ab/one")
"""
NOBODY = 65534


@contextmanager
def without_privileges() -> Iterator[None]:
    """Run as a user to whom file permissions apply."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if before == 0:
            os.seteuid(0)


def staged_in(folder: Path) -> list[Path]:
    return list((folder / ".staging").iterdir())


def test_a_stored_object_is_read_back_whole_or_in_part(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "files"))
    body = os.urandom(2 * PIECE_BYTES + 17)

    kept(storage, "ab/one", body)

    pieces = list(storage.read("ab/one"))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert len(pieces) > 1
    assert b"".join(storage.read("ab/one", PIECE_BYTES - 3, 10)) == body[PIECE_BYTES - 3 :][:10]
    assert list(storage.read("ab/one", 5, 0)) == []
    storage.fetch("ab/one", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == body


def test_a_staged_file_has_size_and_digest_and_is_removed_on_exit(tmp_path: Path) -> None:
    storage = Storage(f"file://{tmp_path}/files")

    with storage.stage() as staged:
        staged.write(b"some ")
        staged.write(b"words")
        assert (staged.size, staged.sha256) == (10, hashlib.sha256(b"some words").hexdigest())
        assert staged.read(5, 100) == b"words"

    assert staged_in(tmp_path / "files") == []


def test_storing_moves_within_a_file_system_and_copies_from_another(tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm") / f"staging-{os.getpid()}"
    storage = Storage(str(tmp_path), elsewhere)
    try:
        kept(storage, "ab/one", b"words")

        assert (tmp_path / "ab" / "one").read_bytes() == b"words"
        assert list(elsewhere.iterdir()) == []
    finally:
        elsewhere.rmdir()


def test_removing_an_object_can_be_repeated(tmp_path: Path) -> None:
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


def test_staged_files_of_a_killed_process_are_removed_and_those_of_a_live_one_kept(
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


def test_files_staged_by_another_machine_are_kept_for_a_day(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    folder = tmp_path / ".staging"
    folder.mkdir()
    fresh, old = folder / "elsewhere-1", folder / "elsewhere-2"
    fresh.write_bytes(b"x")
    old.write_bytes(b"x")
    os.utime(old, (0, 0))

    storage.sweep()

    assert staged_in(tmp_path) == [fresh]


def test_a_temporary_storage_is_removed_with_its_process() -> None:
    storage = Storage(None)
    kept(storage, "ab/one", b"words")
    with storage.stage() as staged:
        folder = staged.path.parent.parent
    assert (folder / "ab" / "one").is_file()

    storage.close()

    assert not folder.exists()


def test_creating_a_storage_touches_nothing(tmp_path: Path) -> None:
    Storage(str(tmp_path / "files")).close()
    Storage(None).close()
    Storage("s3://bucket/prefix")

    assert list(tmp_path.iterdir()) == []


def test_errors_reveal_no_location(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file where a folder should be")
    storage = Storage(str(tmp_path / "files"))

    with pytest.raises(StorageUnavailable) as caught, storage.stage():
        pass

    assert str(tmp_path) not in str(caught.value)


def test_a_copy_interrupted_by_a_kill_is_removed_later(
    tmp_path: Path,
) -> None:
    elsewhere = Path("/dev/shm") / f"staging-{os.getpid()}"
    root = tmp_path / "files"
    try:
        killed = subprocess.run(
            [sys.executable, "-c", COPYING, str(root), str(elsewhere)], check=False
        )
        Storage(str(root), elsewhere).sweep()

        assert killed.returncode == -signal.SIGKILL
        assert list(root.glob("??/*")) + staged_in(root) == []
        assert list(elsewhere.iterdir()) == []
    finally:
        for each in elsewhere.iterdir():
            each.unlink()
        elsewhere.rmdir()


@pytest.mark.parametrize("began", ["before", "after"])
def test_a_missing_folder_is_an_outage_and_its_files_do_not_count_as_deleted(
    tmp_path: Path, began: str
) -> None:
    storage = Storage(str(tmp_path / "files"), tmp_path / "staging")
    kept(storage, "ab/one", b"words")
    if began == "after":
        storage = Storage(str(tmp_path / "files"), tmp_path / "staging")
    (tmp_path / "files").rename(tmp_path / "away")

    with pytest.raises(StorageUnavailable):
        storage.fetch("ab/one", tmp_path / "copy")
    with pytest.raises(StorageUnavailable):
        list(storage.read("ab/one", 0, 5))
    with pytest.raises(StorageUnavailable):
        storage.remove("ab/one")

    (tmp_path / "files").mkdir()  # where something was mounted
    with pytest.raises(StorageUnavailable):
        storage.fetch("ab/one", tmp_path / "copy")
    with pytest.raises(StorageUnavailable):
        storage.remove("ab/one")
    if began == "before":
        with pytest.raises(StorageUnavailable):
            kept(storage, "ab/two", b"words")
    (tmp_path / "files").rmdir()
    (tmp_path / "away").rename(tmp_path / "files")
    assert b"".join(storage.read("ab/one")) == b"words"


def test_stored_files_are_readable_whatever_their_original_mode(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))

    with storage.stage() as staged:
        staged.write(b"words")
        staged.path.chmod(0o4711)
        storage.keep(staged.path, "ab/one")

    assert (tmp_path / "ab" / "one").stat().st_mode & 0o7777 == 0o600


def test_a_read_only_folder_is_removed() -> None:
    root = Path(tempfile.mkdtemp())
    root.chmod(0o777)

    with without_privileges():
        storage = Storage(str(root / "files"))
        with storage.folder() as folder:
            inside = folder / "unpacked" / "deeper"
            inside.mkdir(parents=True)
            (inside / "file").write_text("x")
            for each in (inside, inside.parent, folder):
                each.chmod(0o500)
        left = staged_in(root / "files")
        shutil.rmtree(root, ignore_errors=True)

    with suppress(OSError):
        root.rmdir()
    assert left == []


def test_a_folder_prepared_by_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    with Storage("s3://bucket").stage() as staged:
        ours = staged.path.parent
    ours.rmdir()
    ours.symlink_to(theirs)

    with pytest.raises(StorageUnavailable), Storage("s3://bucket").stage():
        pass

    ours.unlink()
    ours.mkdir()
    ours.chmod(0o777)
    with pytest.raises(StorageUnavailable), Storage("s3://bucket").stage():
        pass
    assert list(theirs.iterdir()) == []


def test_a_pipe_in_the_staging_folder_blocks_no_process(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    with storage.stage() as staged:
        pipe = staged.path.with_name(f"{staged.path.name}-pipe")
        os.mkfifo(pipe)

        storage.sweep()

    assert staged_in(tmp_path) == []


def test_a_file_removed_during_a_read_is_read_to_its_end(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    body = os.urandom(3 * PIECE_BYTES)
    kept(storage, "ab/one", body)

    pieces = storage.read("ab/one")
    first = next(pieces)
    storage.remove("ab/one")

    assert first + b"".join(pieces) == body


def test_buffered_data_is_read_from_the_disk_and_leaves_nothing(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    body = os.urandom(PIECE_BYTES + 5)

    read = storage.put_aside(body)

    assert staged_in(tmp_path) == []
    assert b"".join(read(0, len(body))) == body
    assert b"".join(read(7, 3)) == body[7:10]
