"""A corpus keeps the latest version of each paper, and finds the right one first."""

import io
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from callboard import Failure, File, Job
from examples.literature.corpus_checkpoint import corpus_checkpoint
from examples.literature.corpus_index import BATCH, Indexed, corpus_index
from examples.literature.corpus_search import Hits, corpus_search
from examples.literature.pubmed import sample
from examples.literature.pubmed.corpus import Applied, Corpus, NoCorpus, opened
from examples.literature.pubmed.landmarks import LANDMARKS, QUESTIONS
from examples.literature.pubmed.medline import Deletion, Paper, read

PAPER = Paper(7, 2, "On mice", "BACKGROUND: Mice are small.", ("Ng A",), "J", 2001, ("Mice",))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LITERATURE_FOLDER", str(tmp_path / "corpora"))
    return tmp_path / "corpora"


@pytest.fixture
def corpus() -> Iterator[Corpus]:
    with opened("mine", create=True) as made:
        yield made


def titles(corpus: Corpus, query: str) -> list[str]:
    return [paper.title for paper, _score in corpus.search(query, limit=10).papers]


def index(**params: object) -> Indexed:
    done = corpus_index(**{"corpus": "mine", **params, "job": Job("any", 1)})
    assert isinstance(done, Indexed)
    return done


def test_the_right_paper_ranks_first_for_each_of_ten_questions() -> None:
    index(sample=4000)

    found = [corpus_search(question, corpus="mine", limit=3) for question in QUESTIONS]

    assert [hits.hits[0].title for hits in found] == [title for title, *_rest in LANDMARKS]
    runners_up = [max((hit.score for hit in hits.hits[1:]), default=0) for hits in found]
    assert all(
        hits.hits[0].score > 1.5 * other for hits, other in zip(found, runners_up, strict=True)
    )


def test_a_newer_version_replaces_and_an_older_one_does_not(corpus: Corpus) -> None:
    corpus.apply([PAPER])

    applied = corpus.apply(
        [
            replace(PAPER, version=1, title="On rats"),
            replace(PAPER, version=3, title="On voles"),
            replace(PAPER, version=3, title="On shrews"),
        ]
    )

    assert applied == Applied(kept=2, ignored=1)
    assert corpus.count() == 1
    assert titles(corpus, "mice") == ["On shrews"]
    assert titles(corpus, "voles") == titles(corpus, "rats") == []


def test_a_deletion_removes_only_its_version_and_older_ones(corpus: Corpus) -> None:
    corpus.apply([PAPER])

    assert corpus.apply([Deletion(7, 1), Deletion(8, 1)]) == Applied(ignored=2)
    assert titles(corpus, "mice") == ["On mice"]
    assert corpus.apply([Deletion(7, 2)]) == Applied(deleted=1)
    assert (titles(corpus, "mice"), corpus.count()) == ([], 0)


def test_a_failure_half_way_changes_nothing(corpus: Corpus) -> None:
    with pytest.raises(sqlite3.Error):
        corpus.apply([PAPER, replace(PAPER, pmid=8, title=None)])

    assert corpus.count() == 0
    assert corpus.apply([PAPER]) == Applied(kept=1)


@pytest.mark.parametrize("query", ['"', "mice AND", "NOT mice", "title:mice", "mice*(", "''; --"])
def test_a_query_has_no_operators(corpus: Corpus, query: str) -> None:
    corpus.apply([PAPER])

    assert titles(corpus, query) == (["On mice"] if "mice" in query else [])


def test_a_search_sees_committed_papers_and_waits_for_no_writer(corpus: Corpus) -> None:
    corpus.apply([PAPER])

    with corpus._writing() as writing:
        writing.execute("DELETE FROM papers")
        with opened("mine") as other:
            during = titles(other, "mouse mice")
    after = titles(corpus, "mice")

    assert (during, after) == (["On mice"], [])


def test_a_file_that_does_not_exist_yet_is_no_corpus(folder: Path) -> None:
    folder.mkdir()
    (folder / "empty.sqlite").touch()

    for name in ("empty", "missing"):
        with pytest.raises(NoCorpus), opened(name):
            pass
    assert not (folder / "missing.sqlite").exists()


def test_an_index_resumes_and_a_second_run_changes_nothing() -> None:
    class Stopped(Job):
        def checkpoint(self) -> None:
            if self.saved and self.saved["records"] == 2 * BATCH:
                self.stop()
            super().checkpoint()

    first = Stopped("any", 1)
    with pytest.raises(BaseException, match="cancelled"):
        corpus_index(corpus="mine", sample=700, job=first)
    second = Job("any", 2)
    second.begin_with(first.saved_bytes)
    done = corpus_index(corpus="mine", sample=700, job=second)

    assert done == Indexed(corpus="mine", records=700, kept=700, deleted=0, papers=700)
    assert index(sample=700) == done


def test_a_callers_file_is_indexed_with_its_deletions(tmp_path: Path) -> None:
    records = [sample.article(pmid, f"On owls {pmid}", "AIM: Owls.") for pmid in (1, 2)]
    file = tmp_path / "mine.xml"
    file.write_bytes(b"".join(sample.document(records, [(1, 1)])))

    done = index(source=File.of(file))

    assert (done.records, done.kept, done.deleted, done.papers) == (3, 2, 1, 1)
    assert [hit.pmid for hit in corpus_search("owl", corpus="mine").hits] == [2]


def test_an_invalid_medline_file_fails_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no XML")

    with pytest.raises(Failure, match="not complete MEDLINE XML") as failed:
        index(source=File.of(file))

    assert not failed.value.retryable


def test_a_number_finds_its_paper_and_pages_have_a_total() -> None:
    index(sample=300)

    one = corpus_search("pmid:90000007", corpus="mine")
    pages = [corpus_search("humans", corpus="mine", limit=60, offset=at) for at in (0, 240, 300)]

    assert (one.total, one.hits[0].pmid, one.hits[0].score) == (1, 90_000_007, None)
    assert [(page.total, len(page.hits)) for page in pages] == [(297, 60), (297, 57), (297, 0)]
    assert corpus_search("?!", corpus="mine") == Hits(total=0, hits=[])


def test_checkpoints_are_read_set_and_deleted(corpus: Corpus) -> None:
    corpus.move_checkpoint("owls", "2026-11-29")

    def now(action: str, query: str | None = None, day: object = None) -> list[tuple[str, str]]:
        found = corpus_checkpoint(corpus="mine", action=action, query=query, synced_to=day)
        return [(each.query, each.synced_to) for each in found.checkpoints]

    assert now("set", "mice", date(2026, 1, 2)) == [("mice", "2026-01-02")]
    assert now("get") == [("mice", "2026-01-02"), ("owls", "2026-11-29")]
    assert now("delete", "mice") == []
    assert now("get") == [("owls", "2026-11-29")]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"action": "set"}, "To set a checkpoint, name its query"),
        ({"action": "delete"}, "To delete a checkpoint, name its query"),
        ({"action": "set", "query": "x"}, "name the day"),
        ({"corpus": "missing"}, "There is no corpus 'missing'"),
    ],
)
def test_a_checkpoint_that_cannot_be_changed_reports_why(params: dict[str, str], told: str) -> None:
    with pytest.raises(Failure, match=told):
        corpus_checkpoint(**params)


def test_a_record_round_trips(corpus: Corpus) -> None:
    written = next(read(io.BytesIO(b"".join(sample.document(sample.articles(1))))))

    corpus.apply([written])

    assert corpus.search("pmid:90000000", limit=1).papers == [(written, None)]
