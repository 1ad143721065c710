"""`make pythons` uses every Python on the machine, and prints which ones."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.system.stack import ROOT

OWN: Final = "{}.{}".format(*sys.version_info)
FIRST, SECOND, *_ = (each for each in ("3.11", "3.12", "3.13", "3.14") if each != OWN)
STARTS: Final = "#!/bin/sh\nexit 0\n"
WITHOUT_VENV: Final = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; esac\n'
SHIM: Final = "#!/bin/sh\nexit 127\n"
INSTALL: Final = '#!/bin/sh\nmkdir -p "$2"; echo "$PYTHON" > "$2/made-by"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose environment has the Python that runs the tests."""
    project = tmp_path / "project"
    (project / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "pythons", project / ".ci")
    program(project / ".ci" / "venv", INSTALL)
    program(project / ".venv" / "bin" / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    return project


@pytest.mark.parametrize(
    "place",
    [
        "bin/python{}",
        ".pyenv/versions/{}.5/bin/python",
        ".local/share/uv/python/cpython-{}.5-linux-x86_64-gnu/bin/python3",
    ],
)
def test_each_python_gets_an_environment(project: Path, tmp_path: Path, place: str) -> None:
    pythons = {each: tmp_path / place.format(each) for each in (FIRST, SECOND)}
    for python in pythons.values():
        program(python, STARTS)

    said = find_pythons(project, tmp_path)

    assert said == f"Trying Python {OWN}, {FIRST}, {SECOND}.\n"
    assert made(project) == {each: str(python) for each, python in pythons.items()}


def test_a_single_python_is_reported_as_such(project: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin" / f"python{OWN}", STARTS)
    program(tmp_path / "bin" / f"python{FIRST}", SHIM)

    said = find_pythons(project, tmp_path)

    assert said.startswith(f"Trying only Python {OWN}: ")
    assert made(project) == {}


def test_a_python_without_venv_is_skipped_by_name(project: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin" / f"python{FIRST}", WITHOUT_VENV)
    program(tmp_path / "bin" / f"python{SECOND}", STARTS)

    left_out, trying = find_pythons(project, tmp_path).splitlines()

    assert left_out.startswith(f"Skipped: Python {FIRST} ")
    assert trying == f"Trying Python {OWN}, {SECOND}."


def test_the_environment_of_a_removed_python_is_removed(project: Path, tmp_path: Path) -> None:
    python = tmp_path / "bin" / f"python{FIRST}"
    program(python, STARTS)
    find_pythons(project, tmp_path)
    python.unlink()

    find_pythons(project, tmp_path)

    assert made(project) == {}


def find_pythons(project: Path, home: Path) -> str:
    path = os.pathsep.join([str(home / "bin"), str(tools(home))])
    done = subprocess.run(
        [project / ".ci" / "pythons"],
        env={"HOME": str(home), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(project: Path) -> dict[str, str]:
    found = sorted((project / ".venv" / "pythons").iterdir())
    return {each.name: (each / "made-by").read_text().strip() for each in found}


def tools(home: Path) -> Path:
    """The tools that the scripts use, next to several Pythons."""
    folder = home / "tools"
    folder.mkdir(exist_ok=True)
    for name in ("dirname", "mkdir", "rm"):
        if not (folder / name).exists():
            (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
