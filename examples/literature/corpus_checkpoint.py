"""Shows and changes the day up to which a corpus is synced with PubMed."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from callboard import Failure, operation
from examples.literature.parameters import CorpusName
from examples.literature.pubmed import corpus as corpora


class Checkpoint(BaseModel):
    """The day up to which all papers matching a query are in the corpus."""

    query: str
    synced_to: Annotated[str, Field(description="a day, such as 2026-11-30")]
    moved_at: str


class Checkpoints(BaseModel):
    """The checkpoints of a corpus, or of one of its queries, after the action."""

    corpus: str
    papers: int
    checkpoints: list[Checkpoint]


@operation(time_limit="20s", wait="10s", result_ttl="1h")
def corpus_checkpoint(
    corpus: CorpusName = "pubmed",
    action: Literal["get", "set", "delete"] = "get",
    query: Annotated[
        str | None,
        Field(
            max_length=1000, description="the query of the checkpoint; only `get` works without one"
        ),
    ] = None,
    synced_to: Annotated[date | None, Field(description="the day, for `set`")] = None,
) -> Checkpoints:
    """Show the checkpoints of a corpus, or set or delete one of them.

    The next sync of a query without a checkpoint fetches all of its papers again.
    """
    if action != "get" and query is None:
        raise Failure(f"To {action} a checkpoint, name its query.", retryable=False)
    if action == "set" and synced_to is None:
        raise Failure("To set a checkpoint, name the day in synced_to.", retryable=False)
    try:
        with corpora.opened(corpus) as found:
            if action == "set" and query is not None and synced_to is not None:
                found.move_checkpoint(query, synced_to.isoformat())
            if action == "delete" and query is not None:
                found.delete_checkpoint(query)
            kept = [each for each in found.checkpoints() if query in (None, each.query)]
            return Checkpoints(
                corpus=corpus,
                papers=found.count(),
                checkpoints=[Checkpoint(**vars(each)) for each in kept],
            )
    except corpora.NoCorpus as error:
        raise Failure(
            f"There is no corpus {corpus!r}; corpus_index and corpus_sync create one.",
            retryable=False,
        ) from error
