"""Finds papers by words."""

from typing import Annotated

from pydantic import BaseModel, Field

from callboard import Failure, operation
from examples.literature.parameters import CorpusName
from examples.literature.pubmed import corpus as corpora


class Hit(BaseModel):
    """A paper found."""

    pmid: int
    version: int
    title: str
    abstract: str
    authors: list[str]
    journal: str
    year: int | None
    terms: Annotated[list[str], Field(description="MeSH headings and keywords")]
    score: Annotated[float | None, Field(description="by BM25; null if the query is a PMID")]


class Hits(BaseModel):
    """Papers, best match first."""

    total: Annotated[int, Field(description="how many match")]
    hits: list[Hit]


# The caller waits for the result, and gets the papers with the first response.
@operation(time_limit="20s", wait="10s", result_ttl="1h")
def corpus_search(
    query: Annotated[str, Field(max_length=1000, description="words, or `pmid:` and a number")],
    corpus: CorpusName = "sample",
    limit: Annotated[int, Field(ge=1, le=100)] = 10,
    offset: Annotated[int, Field(ge=0, le=10_000)] = 0,
) -> Hits:
    """Find papers that contain words of a query.

    A paper needs one of the words; endings of words make no difference. Rare words count more, and
    so do words in the title and in headings.
    """
    try:
        with corpora.opened(corpus) as searched:
            found = searched.search(query, limit=limit, offset=offset)
    except corpora.NoCorpus as error:
        raise Failure(
            f"There is no corpus {corpus!r}; corpus_index and corpus_sync create one.",
            retryable=False,
        ) from error
    hits = [Hit(**vars(paper), score=score) for paper, score in found.papers]
    return Hits(total=found.total, hits=hits)
