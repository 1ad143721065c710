"""A corpus: papers in one SQLite file, searched by FTS5 and ranked by BM25."""

import json
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from examples.literature.pubmed.medline import Change, Deletion, Paper

_SCHEMA: Final = (Path(__file__).parent / "corpus.sql").read_text(encoding="utf-8")
_WORD: Final = re.compile(r"\w+")
_PMID: Final = re.compile(r"\s*pmid:\s*([0-9]{1,13})\s*", re.ASCII | re.IGNORECASE)
_COMMON: Final = {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "the", "to"}
_LOCK_SECONDS: Final = 30.0

_PUT: Final = """
INSERT INTO papers VALUES (:pmid, :version, :title, :abstract, :authors, :journal, :year, :terms)
ON CONFLICT (pmid) DO UPDATE SET
    version = excluded.version, title = excluded.title, abstract = excluded.abstract,
    authors = excluded.authors, journal = excluded.journal, year = excluded.year,
    terms = excluded.terms
WHERE excluded.version >= papers.version
"""
_FIND: Final = """
SELECT papers.*, -bm25(words, 4.0, 1.0, 2.0) AS score
FROM words JOIN papers ON papers.pmid = words.rowid
WHERE words MATCH ? ORDER BY score DESC, papers.pmid DESC LIMIT ? OFFSET ?
"""


class NoCorpus(LookupError):
    """There is no corpus of this name."""


@dataclass(frozen=True)
class Applied:
    """The effect of changes on a corpus.

    Attributes:
        kept: papers that are new, or a version that is not older than the one known.
        deleted: papers that were removed.
        ignored: older versions, and deletions of papers that are unknown or newer.
    """

    kept: int = 0
    deleted: int = 0
    ignored: int = 0

    def __add__(self, other: "Applied") -> "Applied":
        return Applied(
            self.kept + other.kept, self.deleted + other.deleted, self.ignored + other.ignored
        )


@dataclass(frozen=True)
class Checkpoint:
    """The day up to which all papers matching a query are in a corpus.

    Attributes:
        synced_to: the day of the last search of which every page arrived, such as 2026-11-30.
        moved_at: when that was recorded, UTC.
    """

    query: str
    synced_to: str
    moved_at: str


@dataclass(frozen=True)
class Found:
    """A page of papers with their scores, best match first; `total` counts all matches."""

    total: int
    papers: list[tuple[Paper, float | None]]


def folder() -> Path:
    """Return the folder of the corpora, on a disk of the machine on which all workers run."""
    return Path(os.environ.get("LITERATURE_FOLDER", "var/literature"))


@contextmanager
def opened(name: str, *, create: bool = False) -> Iterator["Corpus"]:
    """Open a corpus.

    Readers and a writer don't wait for each other (WAL): a search sees what was committed before.

    Raises:
        NoCorpus: it does not exist, and is not to be created.
    """
    path = folder() / f"{name}.sqlite"
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        raise NoCorpus(name)
    # Only `apply` and similar methods commit, explicitly.
    with closing(sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        # A job saves its position after a commit, which must not be lost even with the power.
        connection.execute("PRAGMA synchronous = FULL")
        if create and not _is_made(connection):
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
        if not _is_made(connection):
            raise NoCorpus(name)
        yield Corpus(connection)


def _is_made(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA user_version").fetchone()[0])


class Corpus:
    """A corpus while it is open; all changes of one call appear at once, or not at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def apply(self, changes: Iterable[Change]) -> Applied:
        """Add, replace and delete papers; a repeat changes nothing."""
        with self._writing() as connection:
            return sum((_apply(connection, change) for change in changes), start=Applied())

    def search(self, query: str, *, limit: int, offset: int = 0) -> Found:
        """Find papers with any word of a query except common ones; `pmid:123` finds one paper."""
        if named := _PMID.fullmatch(query):
            rows = self._rows("SELECT *, NULL AS score FROM papers WHERE pmid = ?", int(named[1]))
            return Found(len(rows), [_scored(row) for row in rows[offset : offset + limit]])
        # In quotation marks, for FTS5 has a language of its own in which `-` and `NOT` do things.
        words = [word for word in _WORD.findall(query.lower()) if word not in _COMMON]
        match = " OR ".join(f'"{word}"' for word in words)
        if not match:
            return Found(0, [])
        with self._unchanging():
            (counted,) = self._rows("SELECT count(*) FROM words WHERE words MATCH ?", match)
            rows = self._rows(_FIND, match, limit, offset)
        return Found(counted[0], [_scored(row) for row in rows])

    def count(self) -> int:
        """Count its papers."""
        (counted,) = self._rows("SELECT count(*) FROM papers")
        return int(counted[0])

    def checkpoints(self) -> list[Checkpoint]:
        """List the checkpoints of all queries, by query."""
        rows = self._rows("SELECT query, synced_to, moved_at FROM checkpoints ORDER BY query")
        return [Checkpoint(*row) for row in rows]

    def checkpoint(self, query: str) -> Checkpoint | None:
        """Return the checkpoint of a query; None before its first complete sync."""
        return next((each for each in self.checkpoints() if each.query == query), None)

    def move_checkpoint(self, query: str, synced_to: str) -> None:
        """Record that all papers matching a query up to a day are in the corpus."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", (query, synced_to, now)
            )

    def delete_checkpoint(self, query: str) -> None:
        """Forget a checkpoint: the next sync of its query fetches everything again."""
        with self._writing() as connection:
            connection.execute("DELETE FROM checkpoints WHERE query = ?", (query,))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _unchanging(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def _rows(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(statement, values).fetchall()


def _apply(connection: sqlite3.Connection, change: Change) -> Applied:
    if isinstance(change, Deletion):
        gone = connection.execute(
            "DELETE FROM papers WHERE pmid = ? AND version <= ?", (change.pmid, change.version)
        ).rowcount
        return Applied(deleted=gone, ignored=1 - gone)
    row = {**vars(change), "authors": json.dumps(change.authors), "terms": json.dumps(change.terms)}
    kept = connection.execute(_PUT, row).rowcount
    return Applied(kept=kept, ignored=1 - kept)


def _scored(row: sqlite3.Row) -> tuple[Paper, float | None]:
    values = dict(row)
    score = values.pop("score")
    values["authors"] = tuple(json.loads(values["authors"]))
    values["terms"] = tuple(json.loads(values["terms"]))
    return Paper(**values), score
