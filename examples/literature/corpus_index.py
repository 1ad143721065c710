"""Papers of a file become searchable."""

from typing import Annotated

from pydantic import BaseModel, Field

from callboard import Failure, File, Job, operation
from examples.literature.parameters import CorpusName
from examples.literature.pubmed import corpus as corpora
from examples.literature.pubmed import sample as samples
from examples.literature.pubmed.batches import batches
from examples.literature.pubmed.medline import NotMedline, read

BATCH = 200
"""How many records appear in the search at once: between two batches the job can stop."""


class Indexed(BaseModel):
    """What an index was made of."""

    corpus: str
    records: Annotated[int, Field(description="how many the file has")]
    kept: Annotated[int, Field(description="of these, new papers and versions not older")]
    deleted: int
    papers: Annotated[int, Field(description="how many the corpus has now")]


@operation(time_limit="30m", max_running=2, unique=True, max_retries=2, result_ttl="24h")
def corpus_index(
    corpus: CorpusName = "sample",
    source: File | None = None,
    sample: Annotated[
        int, Field(ge=1, le=200_000, description="how many made-up records, if there is no file")
    ] = 4000,
    *,
    job: Job,
) -> Indexed:
    """Add the papers of a MEDLINE XML file to a corpus.

    The file may be compressed by gzip. A newer version of a paper replaces an older one, and
    withdrawn papers are deleted. Searches are answered meanwhile, and find what was added so far.
    A second run on the same file changes nothing.
    """
    job.step("Opening the file")
    file = source or File.of(samples.file(sample))
    # An earlier attempt may have come to its end here.
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
