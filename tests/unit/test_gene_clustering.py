import json
import math
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from callboard.jobs.errors import Interruption, InvalidParameters
from examples.curation.gene_clustering import GeneClusters, gene_clustering
from examples.curation.phenotypes.annotations import Annotations, Terms, genes
from examples.curation.phenotypes.communities import communities, joins
from examples.curation.phenotypes.enrichment import enriched
from examples.curation.phenotypes.findings import name_of
from examples.curation.phenotypes.similarity import information, similarities
from tests.recording_job import RecordingJob

CILIOPATHIES = ["BBS1", "BBS10", "BBS12", "BBS2", "BBS4", "BBS5", "BBS7", "BBS9"]
ARRHYTHMIAS = ["DSP", "KCNH2", "KCNQ1", "PKP2", "RYR2", "SCN5A"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "curation" / "genes.json"


def clustered(symbols: Sequence[str], **chosen: float) -> GeneClusters:
    result = gene_clustering(genes=list(symbols), job=RecordingJob(), **chosen)
    assert isinstance(result, GeneClusters)
    return result


def test_genes_of_two_families_of_diseases_fall_into_two_clusters_named_by_them() -> None:
    result = clustered([*ARRHYTHMIAS, *CILIOPATHIES])

    assert [cluster.genes for cluster in result.clusters] == [CILIOPATHIES, ARRHYTHMIAS]
    shown = [{found.label for found in cluster.phenotypes} for cluster in result.clusters]
    assert "Childhood-onset truncal obesity" in shown[0]
    assert "Syncope" in shown[1]
    assert result.clusters[0].name == name_of(result.clusters[0].phenotypes)
    assert result.modularity > 0


def test_the_example_gives_nine_families_of_diseases() -> None:
    example = json.loads(EXAMPLE.read_text())

    result = gene_clustering(**example, job=RecordingJob())

    assert len(result.clusters) == 9
    assert result.unknown == []
    assert sum(cluster.size for cluster in result.clusters) == len(example["genes"])
    rasopathies = next(cluster for cluster in result.clusters if "PTPN11" in cluster.genes)
    assert rasopathies.genes == sorted(example["genes"][-8:])


def test_the_same_genes_in_another_order_and_other_letters_give_the_same_clusters() -> None:
    symbols = [*ARRHYTHMIAS, *CILIOPATHIES, "C9orf72"]

    again = [symbol.lower() for symbol in reversed(symbols)] + symbols[:3]

    assert clustered(again) == clustered(symbols)


def test_concurrent_threads_get_the_same_clusters() -> None:
    results: list[GeneClusters] = []
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        results.extend(clustered([*ARRHYTHMIAS, *CILIOPATHIES]) for _ in range(3))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 12
    assert all(result == results[0] for result in results)


def test_a_higher_resolution_makes_more_clusters() -> None:
    example = json.loads(EXAMPLE.read_text())["genes"]

    coarse, fine = clustered(example, resolution=0.2), clustered(example, resolution=3.0)

    assert len(coarse.clusters) < len(fine.clusters)


def test_symbols_without_phenotypes_are_reported_and_the_others_clustered() -> None:
    result = clustered([*ARRHYTHMIAS, "NOSUCH1", "NOSUCH2"])

    assert result.unknown == ["NOSUCH1", "NOSUCH2"]
    assert [gene for cluster in result.clusters for gene in cluster.genes] == ARRHYTHMIAS


def test_symbols_are_read_in_upper_case_and_once() -> None:
    arguments = gene_clustering.parameters.arguments({"genes": ["bbs1", " BBS1 "]})

    assert arguments["genes"] == ["BBS1"]


@pytest.mark.parametrize(
    ("symbols", "singletons"),
    [(["NOSUCH1", "NOSUCH2"], []), (["NOSUCH1", "BBS1"], ["BBS1"]), (["BBS1"], ["BBS1"])],
)
def test_too_few_known_symbols_give_no_cluster(symbols: list[str], singletons: list[str]) -> None:
    result = clustered(symbols)

    assert result.clusters == []
    assert result.singletons == singletons
    assert result.modularity == 0


@pytest.mark.parametrize(
    "symbols",
    [
        [],
        ["BBS1", ""],
        ["BBS1", "B BS2"],
        ["BBS1", "HP:0001250"],
        ["BBS1", "A" * 33],
        ["BBS1", 2],
        [f"GENE{number}" for number in range(2001)],
        "BBS1",
    ],
)
def test_invalid_lists_of_symbols_are_refused(symbols: object) -> None:
    with pytest.raises(InvalidParameters):
        gene_clustering.parameters.check({"genes": symbols})


@pytest.mark.parametrize("chosen", [{"resolution": 0}, {"neighbours": 1}, {"seed": 1}])
def test_other_parameters_out_of_range_are_refused(chosen: dict[str, float]) -> None:
    with pytest.raises(InvalidParameters):
        gene_clustering.parameters.check({"genes": ["BBS1", "BBS2"], **chosen})


def test_equal_sets_of_genes_are_equal_jobs() -> None:
    one = gene_clustering.submission("1", gene_clustering.validated({"genes": ["BBS1", "BBS2"]}))
    other = gene_clustering.submission(
        "2", gene_clustering.validated({"genes": [" bbs2", "BBS1", "BBS1"]})
    )

    assert one.fingerprint == other.fingerprint


def test_progress_counts_the_pairs_compared_and_never_goes_back() -> None:
    job = RecordingJob()
    symbols = list(genes().ids[:100])

    gene_clustering(genes=symbols, job=job)

    compared = job.done["Comparing phenotypes"]
    assert compared[-1] == (4950, 4950)
    assert len(compared) > 3
    assert all(before < after for (before, _), (after, _) in pairwise(compared))
    assert job.steps == [
        "Reading the ontology",
        "Comparing phenotypes",
        "Joining similar genes",
        "Finding communities",
        "Naming the clusters",
    ]


@pytest.mark.parametrize(
    "step", ["Comparing phenotypes", "Joining similar genes", "Naming the clusters"]
)
def test_a_cancel_stops_the_operation_within_a_step(step: str) -> None:
    job = RecordingJob(cancel_in=step)

    with pytest.raises(Interruption):
        gene_clustering(genes=json.loads(EXAMPLE.read_text())["genes"], job=job)

    assert job.steps[-1] == step


def test_every_gene_has_its_own_symbol() -> None:
    symbols = [symbol.upper() for symbol in genes().ids]

    assert len(symbols) == len(set(symbols)) > 5000
    assert all(symbol[0].isalpha() for symbol in symbols)


def table(*rows: Sequence[int]) -> csr_array:
    return csr_array(np.array(rows, dtype=np.float32))


def test_similarity_is_shared_information_divided_by_all_information() -> None:
    shows = table([1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0])
    weights = np.array([1.0, 2.0, 5.0])

    blocks = list(similarities(shows, weights))

    assert len(blocks) == 1
    assert blocks[0][1][0] == pytest.approx([1, 1 / 8, 3 / 8, 0])
    assert blocks[0][1][1] == pytest.approx([1 / 8, 1, 6 / 8, 0])


def test_similarities_of_many_rows_are_computed_in_matching_blocks() -> None:
    shows = csr_array(np.random.default_rng(1).integers(0, 2, size=(70, 9)).astype(np.float32))
    weights = information(shows)
    dense = shows.toarray() > 0

    blocks = {rows.start: values for rows, values in similarities(shows, weights)}

    assert list(blocks) == [0, 32, 64]
    shared, either = dense[40] & dense[69], dense[40] | dense[69]
    expected = weights[shared].sum() / weights[either].sum()
    assert blocks[32][8, 69 - 32] == pytest.approx(expected)


def test_information_is_the_surprise_of_a_phenotype() -> None:
    shows = table([1, 1], [1, 0], [1, 0], [1, 0])

    assert information(shows) == pytest.approx([0, math.log(4)])


def test_two_genes_are_connected_if_either_is_a_nearest_neighbour_of_the_other() -> None:
    similarity = np.array([[1, 0.9, 0.8, 0], [0.9, 1, 0.1, 0], [0.8, 0.1, 1, 0], [0, 0, 0, 1.0]])

    joined = list(joins(similarity, 1))

    assert joined == [{(0, 1): 0.9}, {(0, 1): 0.9}, {(0, 2): 0.8}, {}]


def test_communities_are_the_connected_groups() -> None:
    edges = {(0, 1): 1.0, (1, 2): 1.0, (0, 2): 1.0, (3, 4): 1.0, (4, 5): 1.0, (3, 5): 1.0}

    found = communities(6, {**edges, (2, 3): 0.1}, 1.0)

    assert sorted(found.members) == [[0, 1, 2], [3, 4, 5]]
    inside, degree = 6 / 6.1, 6.1 / 12.2
    assert found.modularity == pytest.approx(inside - 2 * degree**2)


def test_a_cluster_is_marked_by_the_phenotype_that_is_rare_outside_it() -> None:
    terms = Terms(
        ids=("HP:1", "HP:2", "HP:3"),
        labels=("above", "below", "everywhere"),
        depth=np.array([1, 2, 1]),
        ancestors=table([1, 0, 0], [1, 1, 0], [0, 0, 1]),
    )
    members, others = [[1, 1, 1]] * 5, [[0, 0, 1]] * 94 + [[1, 0, 1]]

    found = enriched(range(5), table(*members, *others), terms)

    assert [phenotype.label for phenotype in found] == ["below"]
    assert found[0].members == 5
    assert found[0].fold == 20
    three_tests = 3 / math.comb(100, 5)
    assert found[0].log10_p == pytest.approx(math.log10(three_tests), abs=0.01)


def test_a_gene_has_every_ancestor_of_its_phenotypes() -> None:
    known: Annotations = genes()
    shows = known.shows[[known.ids.index("SCN1A")]].toarray()[0]

    above = known.shows @ known.terms.ancestors

    assert (above > 0).sum() == known.shows.sum()
    assert shows[known.terms.labels.index("Seizure")] == 1
    assert "Autosomal dominant inheritance" not in known.terms.labels
