"""Bounds how many clients transfer files at a time: each may take long, and has a file open."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from callboard.api.problems.problem import Problem
from callboard.api.problems.table import BODIES_FULL, DOWNLOADS_FULL
from callboard.api.request import Request, holders_of
from callboard.api.waiting.fair_limit import FairLimit


class TransferLimits:
    """Bounds uploads and downloads, so that slow ones leave connections to others.

    Args:
        downloads: the largest number at a time; None for any number.
        uploads: the largest number at a time; None for any number.
    """

    def __init__(self, *, downloads: int | None = None, uploads: int | None = None) -> None:
        self._downloads: Final = FairLimit(downloads)
        self._uploads: Final = FairLimit(uploads)

    def begin_download(self, req: Request) -> None:
        """Take a place until the response is sent.

        Raises:
            Problem: 503, no room is left.
        """
        holders = holders_of(req)
        if not self._downloads.take(holders):
            raise Problem(DOWNLOADS_FULL, "Too many downloads are in progress. Try again later.")
        req.context.held.append(lambda: self._downloads.free(holders))

    @contextmanager
    def uploading(self, req: Request) -> Iterator[None]:
        """Take a place during this context.

        Raises:
            Problem: 503, no room is left.
        """
        with self._uploads.one(holders_of(req)) as taken:
            if not taken:
                raise Problem(BODIES_FULL, "Too many uploads are in progress. Try again later.")
            yield
