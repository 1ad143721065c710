"""The current release, and the releases offered to replace it."""

import hashlib
import json
import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from callboard import Failure
from examples.curation.ontology.release import Release, read_release

FOLDER: Final = Path(os.environ.get("CURATION_FOLDER", "var/curation")).absolute()
CONFIRM_WITHIN: Final = timedelta(hours=24)


class Offer(NamedTuple):
    """The token that makes an offered release current, and when it expires."""

    token: str
    expires_at: datetime


class CurrentRelease:
    """The current release, in a folder that all workers share; it is replaced as a whole.

    Args:
        folder: the folder of the release and the offers.
        confirm_within: how long an offer is valid.
    """

    def __init__(self, folder: Path = FOLDER, confirm_within: timedelta = CONFIRM_WITHIN) -> None:
        self._folder = folder
        self._confirm_within = confirm_within
        self.path: Final = folder / "current.obo"

    def read(self) -> Release | None:
        """Read it; None if there is none yet."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            return read_release(file, "current")

    def take_first(self, file: BinaryIO) -> None:
        """Make a file the current release if there is none yet."""
        self._copied(file, "first").replace(self.path)

    def offer(self, file: BinaryIO) -> Offer:
        """Keep a release until it is confirmed or the offer expires."""
        token = secrets.token_urlsafe(24)
        expires_at = datetime.now(UTC) + self._confirm_within
        kept = self._copied(file, _digest(token))
        about = {"base": _content_digest(self.path), "expires_at": expires_at.isoformat()}
        kept.with_suffix(".json").write_text(json.dumps(about))
        return Offer(token, expires_at)

    def apply(self, token: str) -> Release:
        """Make an offered release the current one, and read it; an offer can be used once.

        Raises:
            Failure: the offer is unknown, used or expired, or another release became current.
        """
        kept = self._folder / "offers" / f"{_digest(token)}.obo"
        about, used = kept.with_suffix(".json"), kept.with_suffix(".used")
        try:
            about.rename(used)  # of two confirmations, one finds it
        except FileNotFoundError as error:
            raise Failure(
                "This confirmation is unknown or has been used.", retryable=False
            ) from error
        offer = json.loads(used.read_text())
        if datetime.now(UTC) > datetime.fromisoformat(offer["expires_at"]):
            raise Failure(
                "This confirmation has expired; upload the release again.", retryable=False
            )
        if offer["base"] != _content_digest(self.path):
            raise Failure(
                "Another release became current after this report; upload the release again.",
                retryable=False,
            )
        with kept.open("rb") as file:
            release = read_release(file, "current")
        kept.replace(self.path)
        return release

    def _copied(self, file: BinaryIO, name: str) -> Path:
        folder = self._folder / "offers"
        folder.mkdir(parents=True, exist_ok=True)
        kept = folder / f"{name}.obo"
        with kept.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        return kept


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _content_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
