"""What the clusterings say about a cluster, in models that need no heavy package."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field


class EnrichedPhenotype(BaseModel):
    """A phenotype that a cluster's members show more often than chance would have it."""

    id: Annotated[str, Field(description="HPO term, as HP:0001250")]
    label: Annotated[str, Field(description="the term's name")]
    members: Annotated[int, Field(description="members of the cluster that show it")]
    share: Annotated[float, Field(description="the same as a share of the cluster, 0 to 1")]
    fold: Annotated[float, Field(description="that share over the share among all, at least 1.5")]
    log10_p: Annotated[
        float,
        Field(
            description="decimal logarithm of the hypergeometric p-value, after Bonferroni; it "
            "ranks phenotypes, and proves nothing: the same phenotypes made the clusters"
        ),
    ]


class Disease(BaseModel):
    """A disease of OMIM."""

    id: Annotated[str, Field(description="as OMIM:618916")]
    name: str


class PhenotypeCluster(BaseModel):
    """Diseases with similar phenotypes."""

    name: Annotated[str, Field(description="the two most enriched phenotypes")]
    size: Annotated[int, Field(ge=1)]
    phenotypes: Annotated[
        list[EnrichedPhenotype],
        Field(description="the most enriched against all clustered diseases, at most five"),
    ]
    typical: Annotated[list[Disease], Field(description="the five diseases next to its centre")]
    diseases: Annotated[list[str], Field(description="OMIM numbers of all, as OMIM:618916")]


def name_of(phenotypes: Sequence[EnrichedPhenotype]) -> str:
    """Name a cluster by its two most enriched phenotypes, or say that it has none."""
    return " · ".join(phenotype.label for phenotype in phenotypes[:2]) or "No shared phenotype"
