"""A lock installs its packages, whatever else is in the index or the pip configuration."""

import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from callboard.config.environment import bare_environment
from tests.system.stack import ROOT
from tools.newer_releases import NEWER, write_wheel

PINNED: Final = {"installed": "1.0", "measured": "1.0", "plugin": "1.0"}
PROJECT: Final = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "example"
version = "1.0"
dependencies = ["plugin"]
"""

pytestmark = pytest.mark.timeout(600)  # virtual environments are slow on a busy machine


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder of wheels: the locked ones, and a newer one of each."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in (*PINNED, "setuptools", "pip"):
        write_wheel(folder, name, NEWER)
    return folder


@pytest.fixture
def project(tmp_path: Path, index: Path) -> Path:
    """A project installed by our script, from its own locks."""
    folder = tmp_path / "project"
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "venv", folder / ".ci")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "example.py").touch()
    installer = [_packed(index, "pip"), _packed(index, "setuptools")]
    lock(folder / ".ci" / "installer.lock", installer)
    wheels = [
        write_wheel(index, "measured", "1.0", metadata=["Provides-Extra: toml"]),
        # The way in which a plugin wanted `coverage[toml]`, which an older pip then took as a
        # wish that the lock doesn't pin, as soon as there was a newer one.
        write_wheel(index, "plugin", "1.0", metadata=["Requires-Dist: measured[toml]>=0.5"]),
        write_wheel(index, "installed", "1.0"),
    ]
    lock(folder / "requirements-dev.lock", wheels)
    lock(folder / "requirements.lock", wheels[:2])
    return folder


def test_newer_releases_do_not_affect_a_locked_installation_and_old_packages_go(
    project: Path, index: Path
) -> None:
    first = install(project, PIP_FIND_LINKS=str(index))
    installed = versions(project)
    shorter = (project / "requirements.lock").read_text()
    (project / "requirements-dev.lock").write_text(shorter)
    second = install(project, PIP_FIND_LINKS=str(index))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert PINNED.items() <= installed.items()
    assert versions(project).keys() & PINNED.keys() == {"measured", "plugin"}


def test_the_machines_pip_configuration_changes_nothing(project: Path, index: Path) -> None:
    constraints = project / "constraints.txt"
    constraints.write_text(f"measured=={NEWER}\n")
    elsewhere = project / "elsewhere"
    configuration = project / "pip.conf"
    configuration.write_text(
        f"[global]\nfind-links = {index}\n"
        f"[install]\nconstraint = {constraints}\nuser = true\nupgrade = true\npre = true\n"
        "require-hashes = true\nno-binary = :all:\n"
    )

    done = install(
        project,
        PIP_CONFIG_FILE=str(configuration),
        PIP_TARGET=str(elsewhere),
        PYTHONPATH=str(elsewhere),
    )

    assert done.returncode == 0, done.stderr
    assert PINNED.items() <= versions(project).items()
    assert not elsewhere.exists()


def install(project: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the script with only the given index."""
    environment = {
        name: value for name, value in bare_environment().items() if not name.startswith("PIP_")
    }
    return subprocess.run(
        [project / ".ci" / "venv", "dev"],
        env={
            **environment,
            # The base Python of a virtual environment, with its pip.
            "PYTHON": str(Path(sys.base_prefix) / "bin" / "python3"),
            "PIP_NO_COMPILE": "1",
            "PIP_NO_INDEX": "1",
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def versions(project: Path) -> dict[str, str]:
    """List the installed packages."""
    (found,) = (project / ".venv").glob("lib/python3*/site-packages")
    return {each.name: each.version for each in importlib.metadata.distributions(path=[str(found)])}


def lock(file: Path, wheels: list[Path]) -> None:
    """Write a lock of wheels."""
    lines = []
    for wheel in wheels:
        name, version, *_ = wheel.name.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    file.write_text("".join(lines))


def _packed(index: Path, name: str) -> Path:
    """Rebuild a wheel from an installed package, so that nothing is downloaded."""
    distribution = importlib.metadata.distribution(name)
    files = {
        str(path): Path(str(path.locate())).read_bytes()
        for path in distribution.files or ()
        if path.parts[0] != ".." and ".dist-info" not in path.parts[0] and path.suffix != ".pyc"
    }
    entries = distribution.read_text("entry_points.txt")
    if entries is not None:
        about = f"{name}-{distribution.version}.dist-info"
        files[f"{about}/entry_points.txt"] = entries.encode()
    return write_wheel(index, name, distribution.version, files=files)
