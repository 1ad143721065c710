"""Checks that files can be stored and read, and that there is room."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from callboard.config import Settings
from callboard.config.duration import format_bytes
from callboard.jobs.errors import FileNotFound, StorageUnavailable
from callboard.jobs.files.storage import Storage
from callboard.jobs.workers import Worker
from callboard.ops.doctor.result import CheckResult

LITTLE_SPACE: Final = 0.1


def check_files(
    settings: Settings, storage: Storage, workers: Sequence[Worker]
) -> Iterator[CheckResult]:
    """Store, read and remove a small file; create no folder where no file was ever stored."""
    try:
        folders = storage.folders
        unused = storage.is_unused
    except (OSError, StorageUnavailable) as error:
        yield _broken(_reason(error))
        return
    if unused and folders[0].exists() and not folders[0].is_dir():
        yield _broken(f"{folders[0]} is not a folder.")
    elif unused:
        yield CheckResult(
            "storage",
            "note",
            f"{folders[0]} has no files yet, or is not mounted.",
            "Normal before the first upload; otherwise mount it or correct CALLBOARD_STORAGE_URL.",
        )
    else:
        yield _try(storage)
    near = [next(each for each in (one, *one.parents) if each.is_dir()) for one in folders]
    for folder in {each.stat().st_dev: each for each in reversed(near)}.values():
        yield from _space(folder, settings)
    yield from _sharing(settings, workers)


def _try(storage: Storage) -> CheckResult:
    token = secrets.token_bytes(16)
    key = f"doctor-{token.hex()}"
    try:
        with storage.stage() as staged:
            staged.write(token)
            storage.keep(staged.path, key)
        kept = b"".join(storage.read(key))
        storage.remove(key)
    except (OSError, StorageUnavailable, FileNotFound) as error:
        return _broken(_reason(error))
    if kept != token:
        return _broken("The bytes read differ from the bytes written.")
    return CheckResult("storage", "ok", "Files can be written, read and deleted.")


def _broken(reason: str) -> CheckResult:
    return CheckResult(
        "storage",
        "problem",
        f"Files cannot be stored: {reason}",
        "Check CALLBOARD_STORAGE_URL, CALLBOARD_STAGING_DIR and their permissions.",
    )


def _reason(error: Exception) -> str:
    """Return the reason without the address, which may contain a key."""
    cause = error.__cause__ or error
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.strerror}."
    return f"{error} ({type(cause).__name__})"


def _space(folder: Path, settings: Settings) -> Iterator[CheckResult]:
    usage = shutil.disk_usage(folder)
    says = f"{usage.free / 1024**3:,.1f} GiB are free on the disk of {folder}"
    largest = settings.max_file_bytes
    if usage.free < largest:
        yield CheckResult(
            "disk",
            "problem",
            f"{says}, less than the largest permitted file ({format_bytes(largest)}).",
            "Free space, or lower CALLBOARD_MAX_FILE_BYTES.",
        )
    elif usage.free < LITTLE_SPACE * usage.total:
        yield CheckResult(
            "disk", "warning", f"{says}.", "Free space, or shorten CALLBOARD_FILE_TTL."
        )
    else:
        yield CheckResult("disk", "ok", f"{says}.")


def _sharing(settings: Settings, workers: Sequence[Worker]) -> Iterator[CheckResult]:
    hosts = {worker.host for worker in workers}
    if len(hosts) > 1 and settings.storage_url is None:
        yield CheckResult(
            "storage sharing",
            "warning",
            f"Workers run on {len(hosts)} hosts, and each host stores files in its own folder.",
            "Set CALLBOARD_STORAGE_URL to a shared folder, or to s3://bucket/prefix.",
        )
