"""Symbols of genes, as curators send them."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


def fold_symbols(genes: list[str]) -> list[str]:
    """Return the symbols in capitals, each once and in order: equal sets are equal parameters."""
    return sorted({gene.strip().upper() for gene in genes})


Symbol = Annotated[
    str,
    StringConstraints(pattern=r"^ *[A-Za-z][A-Za-z0-9_-]* *$", max_length=32),
]
Genes = Annotated[
    list[Symbol],
    Field(
        min_length=1,  # of many that are the same one is left, and is checked again as such
        max_length=2000,
        description="HGNC symbols; order, capitals and repeats make no difference",
        examples=[["BBS1", "BBS4", "CEP290", "KCNQ1", "KCNH2", "SCN5A"]],
    ),
    AfterValidator(fold_symbols),
]
