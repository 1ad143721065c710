"""Finds the phenotypes that clusters of genes show more often than expected by chance."""

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field

from callboard import Job, operation
from examples.curation.symbols import Genes, fold_symbols

if TYPE_CHECKING:
    from examples.curation.phenotypes.annotations import Annotations

Clusters = Annotated[
    list[Genes], Field(min_length=1, max_length=200, description="clusters of HGNC symbols")
]
Fdr = Annotated[
    float, Field(gt=0, le=1, description="the maximum false discovery rate of the terms returned")
]


class EnrichedTerm(BaseModel):
    """A term that genes of a cluster share."""

    id: Annotated[str, Field(description="HPO id, such as HP:0001162")]
    label: str
    genes: Annotated[list[str], Field(description="genes of the cluster that have this term")]
    expected: Annotated[float, Field(description="how many genes would have it by chance")]
    p_value: Annotated[float, Field(description="hypergeometric, upper tail")]
    q_value: Annotated[float, Field(description="Benjamini-Hochberg correction within the cluster")]


class EnrichedCluster(BaseModel):
    """The terms of one cluster, the most significant first."""

    genes: list[str]
    unknown: Annotated[list[str], Field(description="symbols without known phenotypes")]
    terms: list[EnrichedTerm]


class FunctionalEnrichment(BaseModel):
    """One entry for each cluster, in the order of the request."""

    clusters: list[EnrichedCluster]
    background: Annotated[
        int, Field(description="the number of genes with phenotypes in the background")
    ]
    ontology_release: str


@operation(
    time_limit="30m",
    max_running=2,
    max_active=200,
    unique=True,
    max_retries=1,
    wait="2s",
    result_ttl="24h",
)
def functional_enrichment(clusters: Clusters, fdr: Fdr = 0.05, *, job: Job) -> FunctionalEnrichment:
    """Test each cluster of genes for the phenotypes of the diseases that they cause."""
    job.step("Reading the ontology")
    from examples.curation.phenotypes import annotations  # noqa: PLC0415

    known = annotations.genes()
    job.step("Testing terms")
    tested = [_tested(fold_symbols(genes), known, fdr) for genes in job.track(clusters)]
    return FunctionalEnrichment(
        clusters=tested, background=len(known.ids), ontology_release=known.release
    )


def _tested(genes: list[str], known: "Annotations", fdr: float) -> EnrichedCluster:
    import numpy as np  # noqa: PLC0415
    from scipy.stats import false_discovery_control, hypergeom  # noqa: PLC0415

    row = {symbol.upper(): place for place, symbol in enumerate(known.ids)}
    rows = [row[gene] for gene in genes if gene in row]
    unknown = [gene for gene in genes if gene not in row]
    if not rows:
        return EnrichedCluster(genes=genes, unknown=unknown, terms=[])
    shown = known.shows[rows].toarray() > 0
    inside = shown.sum(axis=0)
    columns = np.flatnonzero(inside >= min(2, len(rows)))
    overall = np.asarray(known.shows[:, columns].sum(axis=0))
    background, size = len(known.ids), len(rows)
    p_values = hypergeom.sf(inside[columns] - 1, background, overall, size)
    q_values = false_discovery_control(np.minimum(p_values, 1)) if len(columns) else p_values
    order = [place for place in np.lexsort((columns, p_values)) if q_values[place] <= fdr]
    return EnrichedCluster(
        genes=genes,
        unknown=unknown,
        terms=[
            EnrichedTerm(
                id=known.terms.ids[columns[place]],
                label=known.terms.labels[columns[place]],
                genes=[known.ids[rows[at]] for at in np.flatnonzero(shown[:, columns[place]])],
                expected=round(float(overall[place] * size / background), 4),
                p_value=float(p_values[place]),
                q_value=float(q_values[place]),
            )
            for place in order
        ],
    )
