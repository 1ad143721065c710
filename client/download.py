"""Downloads a file: resumes an interrupted download, and verifies the bytes."""

import base64
import hashlib
from pathlib import Path
from typing import Final

import httpx

from callboard.client.errors import FileDamaged, Problem, ServerAway
from callboard.client.files import OnBytes
from callboard.client.transport import LATER, Transport

_SHA256: Final = "sha-256=:"
_UNSATISFIABLE: Final = 416
_TRIES: Final = 2


class Download:
    """A download to a path, next to which it grows as `<name>.part`.

    Args:
        transport: sends the requests.
        path: its path on the server.
        to: the destination, which is replaced once the download is complete.
        sha256: its digest in hexadecimal, if known.
        on_bytes: called with the progress.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        to: Path,
        *,
        sha256: str | None = None,
        on_bytes: OnBytes | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._to = to
        self._part = to.with_name(f"{to.name}.part")
        self._sha256 = sha256
        self._tag = f'"{sha256}"' if sha256 else ""
        self._on_bytes = on_bytes

    def run(self) -> Path:
        """Download the file, resuming an earlier run.

        Raises:
            FileDamaged: the bytes do not match their digest.
            Problem, ServerAway, CannotAsk: the request failed.
            OSError: it cannot be written.
        """
        for _ in range(_TRIES):
            self._fetch()
            if self._sha256 in (None, self._digest()):
                return self._part.replace(self._to)
            self._part.unlink()
        raise FileDamaged(f"{self._to.name} arrived damaged and was discarded.")

    def _fetch(self) -> None:
        patience, came = self._transport.patience(), self._size()
        while self._sha256 is None or self._digest() != self._sha256:
            try:
                self._receive()
            except (Problem, ServerAway) as error:
                refused = error.status if isinstance(error, Problem) else None
                if refused == _UNSATISFIABLE and self._size():
                    self._part.unlink()
                elif refused is not None and refused not in LATER:
                    raise
                if self._size() > came:
                    patience, came = self._transport.patience(), self._size()
                asked = error.retry_after if isinstance(error, Problem) else None
                patience.spent(error, retry_after=asked)
            else:
                return

    def _receive(self) -> None:
        start = self._size() if self._tag else 0
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers |= {"Range": f"bytes={start}-", "If-Range": self._tag}
        with self._transport.stream(self._path, headers) as response:
            goes_on = response.headers.get("content-range", "").startswith(f"bytes {start}-")
            if not (goes_on and response.status_code == httpx.codes.PARTIAL_CONTENT):
                start = 0
            self._learn(response)
            total = start + int(response.headers.get("content-length", 0)) or None
            with self._part.open("ab" if start else "wb") as file:
                for piece in response.iter_raw():
                    file.write(piece)
                    start += len(piece)
                    if self._on_bytes is not None:
                        self._on_bytes(start, total)

    def _learn(self, response: httpx.Response) -> None:
        tag = response.headers.get("etag", "")
        # Only a strong tag means that the bytes are the same.
        self._tag = tag if tag.startswith('"') else ""
        digest = response.headers.get("repr-digest", "")
        if self._sha256 is None and digest.startswith(_SHA256):
            encoded = digest.removeprefix(_SHA256).partition(":")[0]
            self._sha256 = base64.b64decode(encoded).hex()

    def _size(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _digest(self) -> str:
        if not self._part.exists():
            return ""
        with self._part.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
