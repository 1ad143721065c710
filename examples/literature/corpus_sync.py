"""Keeps a corpus up to date with the papers that match a query in PubMed."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from callboard import Failure, Job, RetryAfter, operation
from examples.literature.parameters import CorpusName
from examples.literature.pubmed import corpus as corpora
from examples.literature.pubmed.eutils import BadAnswer, Eutils, Search, SearchForgotten, TooMany

NCBI = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"


class Synced(BaseModel):
    """The outcome of a sync."""

    corpus: str
    query: str
    fetched: Annotated[int, Field(description="how many papers changed since the last sync")]
    kept: int
    deleted: int
    synced_to: Annotated[str, Field(description="the checkpoint, from which the next sync starts")]


# Only the holder of the one place in `eutils` (`CALLBOARD_RESOURCES=eutils=1`) sends requests, and
# it waits before each: so the gap between requests holds for all workers together.
@operation(
    time_limit="30m",
    slots={"eutils": 1},
    unique_by=lambda corpus, query: (corpus, query),
    max_retries=20,
    backoff="2s..2m",
    result_ttl="7d",
)
def corpus_sync(
    query: Annotated[
        str, Field(min_length=1, max_length=1000, description="a query in PubMed's syntax")
    ],
    corpus: CorpusName = "pubmed",
    server: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s?#]+$",
            max_length=300,
            description="the URL of an E-utilities server",
        ),
    ] = NCBI,
    page: Annotated[
        int, Field(ge=1, le=500, description="how many papers to fetch at a time")
    ] = 200,
    *,
    job: Job,
) -> Synced:
    """Fetch the papers matching a query that changed in PubMed since the last sync.

    Requests are at least 400 ms apart, over all workers. If the server asks for a pause, the job is
    postponed and lets others run. After an interruption it continues with the page that it had
    reached. The checkpoint moves only once all pages are in the corpus.
    """
    try:
        return _sync(query, corpus, Eutils(server), page, job)
    except TooMany as error:
        raise RetryAfter(error.retry_after, str(error)) from error
    except SearchForgotten as error:
        job.save(None)
        raise RetryAfter(timedelta(seconds=1), str(error)) from error
    except BadAnswer as error:
        raise Failure(str(error)) from error


def _sync(query: str, corpus: str, eutils: Eutils, page: int, job: Job) -> Synced:
    with corpora.opened(corpus, create=True) as found:
        if (state := job.saved) is None:
            job.step("Searching")
            known = found.checkpoint(query)
            search = eutils.search(query, since=known.synced_to if known else None)
            state = {"search": vars(search), "fetched": 0, "kept": 0, "deleted": 0}
            job.save(state)
        search = Search(**state["search"])
        while (start := state["fetched"]) < search.count:
            job.checkpoint()
            job.step(f"Fetching papers from {start + 1} of {search.count}")
            job.progress(start, search.count)
            # Commit first, then save: a page that was not saved is fetched again.
            applied = found.apply(eutils.fetch(search, start, page))
            state = {
                **state,
                "fetched": min(start + page, search.count),
                "kept": state["kept"] + applied.kept,
                "deleted": state["deleted"] + applied.deleted,
            }
            job.save(state)
        found.move_checkpoint(query, search.day)
    counts = {name: state[name] for name in ("fetched", "kept", "deleted")}
    return Synced(corpus=corpus, query=query, synced_to=search.day, **counts)
