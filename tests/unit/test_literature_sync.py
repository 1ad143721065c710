"""A sync limits its rate, obeys pauses, resumes, and misses nothing."""

import socket
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from callboard import Failure, Job, RetryAfter
from examples.literature.corpus_sync import Synced, corpus_sync
from examples.literature.pubmed import sample
from examples.literature.pubmed.corpus import opened
from examples.literature.pubmed.eutils import BadAnswer, Eutils
from examples.literature.pubmed.stand_in import StandIn, serving

QUERY = "asthma"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITERATURE_FOLDER", str(tmp_path))


@pytest.fixture
def ncbi() -> StandIn:
    return StandIn(list(sample.articles(10)))


@pytest.fixture
def server(ncbi: StandIn) -> Iterator[str]:
    with serving(ncbi) as address:
        yield address


def sync(server: str, job: Job | None = None) -> Synced:
    done = corpus_sync(QUERY, corpus="mine", server=server, page=4, job=job or Job("any", 1))
    assert isinstance(done, Synced)
    return done


def after(job: Job) -> Job:
    """Create the next attempt of a job."""
    following = Job(job.id, job.attempt + 1)
    following.begin_with(job.saved_bytes)
    return following


def checkpoint() -> str | None:
    with opened("mine") as corpus:
        found = corpus.checkpoint(QUERY)
        return found.synced_to if found else None


def test_all_pages_are_fetched_at_intervals_and_then_the_checkpoint_moves(
    ncbi: StandIn, server: str
) -> None:
    done = sync(server)

    assert (done.fetched, done.kept, done.deleted) == (10, 10, 0)
    assert ncbi.fetched() == [0, 4, 8]
    assert all(late.at - early.at >= 0.4 for early, late in pairwise(ncbi.asked))
    assert checkpoint() == done.synced_to


def test_the_next_sync_fetches_changes_and_withdrawals(ncbi: StandIn, server: str) -> None:
    first = sync(server)
    pmid = sample.FIRST_PMID
    ncbi.records[2] = sample.article(pmid + 2, "A correction", "AIM: New.", version=2)
    ncbi.changed[2] = first.synced_to
    ncbi.deleted.append((pmid + 5, 1))

    second = sync(server)

    assert (second.fetched, second.kept, second.deleted) == (1, 1, 1)
    with opened("mine") as corpus:
        corrected = corpus.search(f"pmid:{pmid + 2}", limit=1).papers[0][0]
        assert (corrected.title, corrected.version) == ("A correction", 2)
        assert corpus.search(f"pmid:{pmid + 5}", limit=1).total == 0


def test_a_pause_ends_the_attempt_and_no_page_is_fetched_twice(ncbi: StandIn, server: str) -> None:
    ncbi.refused[3] = "17"
    job = Job("any", 1)

    with pytest.raises(RetryAfter) as paused:
        sync(server, job)
    before = checkpoint()
    done = sync(server, after(job))

    assert paused.value.delay.total_seconds() == 17
    assert before is None
    assert ncbi.fetched() == [0, 4, 8]
    assert (done.fetched, checkpoint()) == (10, done.synced_to)


@pytest.mark.parametrize("number", [1, 3])
def test_a_truncated_answer_is_no_answer(ncbi: StandIn, server: str, number: int) -> None:
    ncbi.cut.add(number)
    job = Job("any", 1)

    with pytest.raises(Failure, match="fcgi") as failed:
        sync(server, job)
    before = checkpoint()
    sync(server, after(job))

    assert failed.value.retryable
    assert before is None
    assert ncbi.fetched()[-1] == 8


def test_a_page_with_too_few_papers_fails(ncbi: StandIn, server: str) -> None:
    job = Job("any", 1)
    ncbi.refused[2] = "1"
    with pytest.raises(RetryAfter):
        sync(server, job)
    next(iter(ncbi._searches.values())).pop()
    following = after(job)

    with pytest.raises(Failure, match="1 of 2 papers arrived"):
        sync(server, following)

    assert checkpoint() is None
    assert following.saved["fetched"] == 8


def test_an_answer_has_a_bound(ncbi: StandIn, server: str) -> None:
    eutils = Eutils(server, max_bytes=2000)
    search = eutils.search(QUERY, since=None)

    with pytest.raises(BadAnswer, match="more than 2000 bytes"):
        eutils.fetch(search, 0, len(ncbi.records))
    assert len(eutils.fetch(search, 0, 1)) == 1


def test_an_expired_search_is_repeated(ncbi: StandIn, server: str) -> None:
    ncbi.refused[3] = "1"
    job = Job("any", 1)
    with pytest.raises(RetryAfter):
        sync(server, job)
    ncbi.forget()

    second = after(job)
    with pytest.raises(RetryAfter, match="forgotten"):
        sync(server, second)
    done = sync(server, after(second))

    assert (done.fetched, checkpoint()) == (10, done.synced_to)


def test_an_unavailable_server_is_retried() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        nothing = f"http://127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(Failure, match="could not be reached") as failed:
            sync(nothing)

    assert failed.value.retryable
