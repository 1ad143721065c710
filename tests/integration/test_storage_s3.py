"""The storage in a bucket, on an S3-compatible server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from callboard.jobs.errors import FileNotFound, StorageUnavailable
from callboard.jobs.files.storage import PIECE_BYTES, Storage

BUCKET = "files-of-tests"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a private server."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket, and the environment that locates it."""
    known = {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-tests",
        "AWS_REGION": "eu-central-1",
        "AWS_ALLOW_HTTP": "true",
    }
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3", endpoint_url=server, region_name="eu-central-1")
    s3.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    yield s3
    for name in keys(s3):
        s3.delete_object(Bucket=BUCKET, Key=name)
    s3.delete_bucket(Bucket=BUCKET)
    s3.close()


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def kept(storage: Storage, key: str, body: bytes) -> None:
    with storage.stage() as staged:
        staged.write(body)
        storage.keep(staged.path, key)


@pytest.mark.parametrize("size", [17, 11 * 1024**2 + 3])
def test_a_stored_object_is_read_back_whole_or_in_part(
    bucket: Any, tmp_path: Path, size: int
) -> None:
    storage = Storage(f"s3://{BUCKET}/some/prefix", tmp_path / "staging")
    body = os.urandom(size)

    kept(storage, "ab/one", body)

    assert keys(bucket) == ["some/prefix/ab/one"]
    assert b"".join(storage.read("ab/one")) == body
    assert b"".join(storage.read("ab/one", 7, 10)) == body[7:17]
    assert max(map(len, storage.read("ab/one"))) <= PIECE_BYTES
    storage.fetch("ab/one", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == body
    assert list((tmp_path / "staging").iterdir()) == []


def test_removing_an_object_can_be_repeated(bucket: Any, tmp_path: Path) -> None:
    storage = Storage(f"s3://{BUCKET}", tmp_path)
    kept(storage, "ab/one", b"words")

    storage.remove("ab/one")
    storage.remove("ab/one")

    assert keys(bucket) == []
    with pytest.raises(FileNotFound):
        list(storage.read("ab/one"))
    with pytest.raises(FileNotFound):
        storage.fetch("ab/one", tmp_path / "copy")


@pytest.mark.usefixtures("bucket")
def test_a_failed_upload_leaves_nothing_and_reveals_no_location(
    bucket: Any, tmp_path: Path
) -> None:
    storage = Storage(f"s3://{BUCKET}-that-is-not-there", tmp_path)

    with storage.stage() as staged:
        staged.write(os.urandom(6 * 1024**2))
        with pytest.raises(StorageUnavailable) as caught:
            storage.keep(staged.path, "ab/one")

    assert BUCKET not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert keys(bucket) == []
    assert "Uploads" not in bucket.list_multipart_uploads(Bucket=BUCKET)


def test_an_unreadable_file_is_not_uploaded(bucket: Any, tmp_path: Path) -> None:
    storage = Storage(f"s3://{BUCKET}", tmp_path)

    with pytest.raises(StorageUnavailable):
        storage.keep(tmp_path / "not-there", "ab/one")

    assert keys(bucket) == []
