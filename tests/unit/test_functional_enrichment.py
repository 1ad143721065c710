"""Known gene families get their known terms, and random sets get none."""

from examples.curation.functional_enrichment import FunctionalEnrichment, functional_enrichment
from tests.recording_job import RecordingJob

CILIA = ["BBS1", "BBS2", "BBS4", "BBS5", "BBS7", "BBS9", "BBS10", "BBS12"]
RHYTHM = ["KCNQ1", "KCNH2", "SCN5A", "KCNE1", "KCNE2", "CACNA1C"]


def enrich(*clusters: list[str], fdr: float = 0.05) -> FunctionalEnrichment:
    found = functional_enrichment(clusters=list(clusters), fdr=fdr, job=RecordingJob())
    assert isinstance(found, FunctionalEnrichment)
    return found


def test_gene_families_get_their_known_terms() -> None:
    cilia, rhythm = enrich(CILIA, RHYTHM).clusters

    assert "Postaxial polydactyly" in [term.label for term in cilia.terms[:40]]
    assert any("QT interval" in term.label for term in rhythm.terms[:40])


def test_terms_are_sorted_by_significance_with_corrected_values() -> None:
    (cluster,) = enrich(CILIA).clusters

    p_values = [term.p_value for term in cluster.terms]
    assert p_values == sorted(p_values)
    assert all(term.p_value <= term.q_value <= 0.05 for term in cluster.terms)
    assert all(set(term.genes) <= set(CILIA) for term in cluster.terms)


def test_a_lower_false_discovery_rate_leaves_fewer_terms() -> None:
    strict, usual = enrich(CILIA, fdr=1e-12), enrich(CILIA)

    assert len(strict.clusters[0].terms) < len(usual.clusters[0].terms)


def test_unknown_symbols_are_named_and_an_unknown_cluster_has_no_terms() -> None:
    mixed, unknown = enrich(["bbs1", "NOSUCHGENE"], ["NOSUCHGENE"]).clusters

    assert (mixed.genes, mixed.unknown) == (["BBS1", "NOSUCHGENE"], ["NOSUCHGENE"])
    assert (unknown.unknown, unknown.terms) == (["NOSUCHGENE"], [])
