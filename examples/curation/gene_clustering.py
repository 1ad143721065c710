"""Clusters of genes whose diseases look alike."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field

from callboard import Job, operation
from examples.curation.phenotypes.findings import EnrichedPhenotype, name_of
from examples.curation.symbols import Genes, fold_symbols

Resolution = Annotated[
    float, Field(gt=0, le=10, description="higher makes more and smaller clusters")
]
Neighbours = Annotated[
    int, Field(ge=2, le=50, description="how many of the most similar genes each gene is joined to")
]


class GeneCluster(BaseModel):
    """Genes with similar phenotypes."""

    name: Annotated[str, Field(description="the two most enriched phenotypes")]
    size: Annotated[int, Field(ge=2)]
    genes: Annotated[list[str], Field(description="HGNC symbols, in order")]
    phenotypes: Annotated[
        list[EnrichedPhenotype],
        Field(description="the most enriched against all genes with phenotypes, at most five"),
    ]


class GeneClusters(BaseModel):
    """Clusters of genes, the largest first."""

    clusters: list[GeneCluster]
    singletons: Annotated[list[str], Field(description="genes that are like no other one given")]
    unknown: Annotated[list[str], Field(description="symbols for which no phenotype is known")]
    modularity: Annotated[float, Field(description="how clearly the clusters part, -0.5 to 1")]
    ontology_release: Annotated[str, Field(description="of the Human Phenotype Ontology")]


@operation(
    time_limit="2m",
    max_running=2,
    capacity_groups={"curation": 8},
    unique=True,
    max_retries=1,
    backoff="5s..1m",
    wait="2s",
    result_ttl="24h",
)
def gene_clustering(
    genes: Genes, resolution: Resolution = 1.0, neighbours: Neighbours = 5, *, job: Job
) -> GeneClusters:
    """Cluster genes by the phenotypes of the diseases that they cause.

    Two genes are as similar as the information that their phenotypes in the Human Phenotype
    Ontology share (simGIC). Each is joined to those most similar to it, and the Leiden algorithm
    finds the communities. A cluster is named by the phenotypes that mark it out among all genes.
    The same genes and parameters give the same clusters each time.
    """
    job.step("Reading the ontology")
    from examples.curation.phenotypes import annotations, communities, enrichment  # noqa: PLC0415
    from examples.curation.phenotypes.similarity import compare  # noqa: PLC0415

    job.checkpoint()
    known = annotations.genes()
    job.checkpoint()
    row = {symbol.upper(): place for place, symbol in enumerate(known.ids)}
    symbols = fold_symbols(genes)
    rows = [row[symbol] for symbol in symbols if symbol in row]
    unknown = [symbol for symbol in symbols if symbol not in row]
    if unknown:
        job.log(f"No phenotype is known for {len(unknown)} of {len(symbols)} symbols")

    job.step("Comparing phenotypes")
    similarity = compare(known.shows, rows, job)

    job.step("Joining similar genes")
    edges: dict[tuple[int, int], float] = {}
    for joined in job.track(communities.joins(similarity, neighbours), total=len(rows)):
        edges |= joined

    job.step("Finding communities")
    found = communities.communities(len(rows), edges, resolution)
    groups = [[rows[vertex] for vertex in members] for members in found.members]

    job.step("Naming the clusters")
    clusters = [
        _cluster(
            [known.ids[place] for place in members],
            enrichment.enriched(members, known.shows, known.terms),
        )
        for members in job.track([group for group in groups if len(group) > 1])
    ]
    return GeneClusters(
        clusters=sorted(clusters, key=lambda cluster: (-cluster.size, cluster.genes)),
        singletons=sorted(known.ids[group[0]] for group in groups if len(group) == 1),
        unknown=unknown,
        modularity=round(found.modularity, 4),
        ontology_release=known.release,
    )


def _cluster(genes: Sequence[str], phenotypes: list[EnrichedPhenotype]) -> GeneCluster:
    return GeneCluster(
        name=name_of(phenotypes), size=len(genes), genes=sorted(genes), phenotypes=phenotypes
    )
