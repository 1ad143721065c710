"""Papers are found by words."""

from typing import Annotated

from pydantic import BaseModel, Field

from callboard import Failure, operation
from examples.literature.parameters import CorpusName
from examples.literature.pubmed import corpus as corpora


class Hit(BaseModel):
    """A paper that was found."""

    pmid: int
    version: int
    title: str
    abstract: str
    authors: list[str]
    journal: str
    year: int | None
    terms: Annotated[list[str], Field(description="MeSH headings and keywords")]
    score: Annotated[float | None, Field(description="by BM25; null where a number was asked for")]


class Hits(BaseModel):
    """Papers, the best match first."""

    total: Annotated[int, Field(description="how many match")]
    hits: list[Hit]


# The caller waits for this one, and gets the papers with the first answer.
@operation(time_limit="20s", wait="10s", result_ttl="1h")
def corpus_search(
    query: Annotated[str, Field(max_length=1000, description="words, or `pmid:` and a number")],
    corpus: CorpusName = "sample",
    limit: Annotated[int, Field(ge=1, le=100)] = 10,
    offset: Annotated[int, Field(ge=0, le=10_000)] = 0,
) -> Hits:
    """Find the papers that a query is about.

    Words count by how rare they are, and more in the title and in headings. Each paper that has one
    of them is found; endings of words make no difference.
    """
    try:
        with corpora.opened(corpus) as searched:
            found = searched.search(query, limit=limit, offset=offset)
    except corpora.NoCorpus as error:
        raise Failure(
            f"There is no corpus {corpus!r}; corpus_index and corpus_sync make one.",
            retryable=False,
        ) from error
    hits = [Hit(**vars(paper), score=score) for paper, score in found.papers]
    return Hits(total=found.total, hits=hits)
