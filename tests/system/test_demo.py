"""The demo, as `make demo` runs it."""

import subprocess
import sys
from pathlib import Path

from callboard.config.environment import bare_environment
from examples.literature.pubmed.landmarks import LANDMARKS, QUESTIONS
from tests.system.stack import ROOT


def test_the_demo_runs_a_real_job_and_names_its_clusters() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=ROOT,
        env=bare_environment(COLUMNS="100"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    assert "succeeded" in done.stderr
    assert "BBS1" in done.stdout
    assert "SCN1A" in done.stdout


def test_the_demo_of_curation_names_what_each_cluster_shares() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo_curation"],
        cwd=ROOT,
        env=bare_environment(COLUMNS="160"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("│")]
    assert any("BBS" in row and "olydactyly" in row for row in rows)


def test_the_demo_of_reconstruction_shows_a_closed_mesh(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo_reconstruction"],
        cwd=tmp_path,
        env=bare_environment(COLUMNS="100", PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    assert done.stdout.count("▀") > 1000
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("│")]
    assert ["│", "closed", "│", "yes", "│"] in rows
    assert {each.name for each in (tmp_path / "var" / "demo-reconstruction").iterdir()} == {
        *("mesh.ply", "mesh.stl", "mesh.glb", "preview.png", "report.json")
    }


def test_the_demo_of_documents_parses_text_and_a_scan() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo_documents"],
        cwd=ROOT,
        env=bare_environment(COLUMNS="100"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    assert "Yield of winter wheat" in done.stdout
    assert "Twelve crates of apples" in done.stdout


def test_the_demo_of_literature_indexes_and_finds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo_literature"],
        cwd=ROOT,
        env=bare_environment(COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("│")]
    asked = zip(rows, QUESTIONS, LANDMARKS, strict=True)
    assert all(question in row and title in row for row, question, (title, *_rest) in asked)


def test_the_demo_needs_no_development_tools() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.modules['pytest'] = None; import examples.demo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
