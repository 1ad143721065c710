"""Makes the papers of a file searchable."""

from typing import Annotated

from pydantic import BaseModel, Field

from callboard import Failure, File, Job, operation
from examples.literature.parameters import CorpusName
from examples.literature.pubmed import corpus as corpora
from examples.literature.pubmed import sample as samples
from examples.literature.pubmed.batches import batches
from examples.literature.pubmed.medline import NotMedline, read

BATCH = 200
"""How many records become searchable at once; the job can stop between two batches."""


class Indexed(BaseModel):
    """What was added to a corpus."""

    corpus: str
    records: Annotated[int, Field(description="how many records the file has")]
    kept: Annotated[
        int, Field(description="how many of these are new papers or versions that are not older")
    ]
    deleted: int
    papers: Annotated[int, Field(description="how many papers the corpus has now")]


@operation(time_limit="30m", max_running=2, unique=True, max_retries=2, result_ttl="24h")
def corpus_index(
    corpus: CorpusName = "sample",
    source: File | None = None,
    sample: Annotated[
        int,
        Field(ge=1, le=200_000, description="how many made-up records to add if there is no file"),
    ] = 4000,
    *,
    job: Job,
) -> Indexed:
    """Add the papers of a MEDLINE XML file to a corpus.

    The file may be compressed with gzip. A newer version of a paper replaces an older one, and
    withdrawn papers are deleted. Searches continue meanwhile and find the papers added so far.
    A second run on the same file changes nothing.
    """
    job.step("Opening the file")
    file = source or File.of(samples.file(sample))
    # An earlier attempt may have saved how far it got.
    state = job.saved or {"records": 0, "kept": 0, "deleted": 0}

    job.step(f"Indexing into {corpus}")
    try:
        with corpora.opened(corpus, create=True) as found, file.open() as stream:
            seen = 0
            for batch in batches(read(stream), BATCH):
                job.checkpoint()
                seen += len(batch)
                if seen > state["records"]:
                    applied = found.apply(batch)
                    state = {
                        "records": seen,
                        "kept": state["kept"] + applied.kept,
                        "deleted": state["deleted"] + applied.deleted,
                    }
                    job.save(state)
                job.progress(stream.tell(), file.size)
            return Indexed(corpus=corpus, papers=found.count(), **state)
    except NotMedline as error:
        raise Failure(str(error), retryable=False) from error
