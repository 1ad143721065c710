"""Clusters of diseases that look alike, over the whole Human Phenotype Ontology."""

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

from pydantic import BaseModel, Field

from callboard import Job, operation
from examples.curation.phenotypes.findings import PhenotypeCluster

Clusters = Annotated[int, Field(ge=2, le=50, description="how many clusters to make")]
Dimensions = Annotated[
    int, Field(ge=2, le=40, description="how many axes of the correspondence analysis to keep")
]


class PhenotypeClusters(BaseModel):
    """Clusters of diseases, the largest first."""

    clusters: list[PhenotypeCluster]
    between_share: Annotated[
        float, Field(ge=0, le=1, description="how much of the inertia lies between the clusters")
    ]
    axes: Annotated[
        list[float],
        Field(description="what each axis explains, as a share, after Benzécri's correction"),
    ]
    compared_by: Annotated[int, Field(description="phenotypes by which diseases were compared")]
    clustered: Annotated[int, Field(description="diseases in the clusters")]
    left_out: Annotated[int, Field(description="diseases with too few of those phenotypes")]
    ontology_release: Annotated[str, Field(description="of the Human Phenotype Ontology")]


def data_version() -> str:
    """Name the data without reading it: the ontology is part of the package hpo3."""
    try:
        return f"hpo3-{version('hpo3')}"
    except PackageNotFoundError:  # a web process needs no example's packages
        return "hpo3"


def same_work(**params: int) -> dict[str, Any]:
    """Return what makes two submissions the same job: parameters and data."""
    return {**params, "data": data_version()}


@operation(
    time_limit="5m",
    max_running=1,
    capacity_groups={"curation": 8},
    unique_by=same_work,
    on_conflict="return",
    max_retries=1,
    backoff="10s..1m",
    result_ttl="7d",
)
def phenotype_clustering(
    n_clusters: Clusters = 15, dimensions: Dimensions = 15, *, job: Job
) -> PhenotypeClusters:
    """Cluster all OMIM diseases by their phenotypes.

    The phenotypes two and three levels below phenotypic abnormality that 1 % of the diseases show
    become a table of present and absent. Multiple correspondence analysis places the diseases on
    its main axes, and Ward's hierarchical clustering joins them there. A cluster is named by the
    phenotypes that mark it out among all. The same data gives the same clusters each time.
    """
    job.step("Reading the ontology")
    from examples.curation.phenotypes import annotations, correspondence, diseases, ward  # noqa: PLC0415

    job.checkpoint()
    known = annotations.omim_diseases()
    job.checkpoint()

    job.step("Analysing correspondences")
    chosen, present = diseases.table(known)
    job.log(f"{present.shape[0]} diseases by {present.shape[1]} phenotypes")
    analysis = correspondence.correspondence(present, dimensions)
    job.checkpoint()

    job.step("Building the tree")
    merges = ward.merges(analysis.coordinates)
    tree = list(job.track(merges, total=len(chosen) - 1))
    cut = ward.cut(tree, n_clusters)

    job.step("Naming the clusters")
    clusters = [
        diseases.describe(known, chosen, analysis.coordinates, members)
        for members in job.track(cut.members)
    ]
    return PhenotypeClusters(
        clusters=sorted(clusters, key=lambda cluster: (-cluster.size, cluster.diseases)),
        between_share=round(cut.between_share, 4),
        axes=[round(float(share), 4) for share in analysis.shares],
        compared_by=present.shape[1],
        clustered=len(chosen),
        left_out=len(known.ids) - len(chosen),
        ontology_release=known.release,
    )
