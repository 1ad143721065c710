"""Each lock is complete: it is installed without resolving dependencies."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.sbom import read_lock

pytestmark = pytest.mark.check

ROOT = Path(__file__).parents[2]
INSTALLER = ROOT / ".ci" / "installer.lock"
LOCKS = {
    "run": ROOT / "requirements.lock",
    "examples": ROOT / "requirements-examples.lock",
    "documents": ROOT / "requirements-documents.lock",
    "reconstruction": ROOT / "requirements-reconstruction.lock",
    "dev": ROOT / "requirements-dev.lock",
}
WANTED = {
    "run": ("server", "build"),
    "examples": ("server", "build", "examples"),
    "documents": ("server", "build", "examples", "documents"),
    "reconstruction": ("server", "build", "reconstruction"),
    "dev": (
        *("server", "build", "socks", "telemetry"),
        *("examples", "documents", "reconstruction", "dev"),
    ),
}
"""The extras and dependency groups of each lock."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("wanted", LOCKS)
def test_a_lock_has_every_package_that_this_machine_needs(wanted: str) -> None:
    locked: dict[str, set[str]] = {}
    for pin in read_lock(LOCKS[wanted]):
        locked.setdefault(pin.name, set()).add(pin.version)

    needed = list(needs(WANTED[wanted]))

    assert len(needed) > 40
    lacking = [
        each for each in needed if not any(map(each.specifier.contains, versions(each, locked)))
    ]
    assert lacking == []


def test_every_line_of_every_lock_has_a_version_and_hashes_and_no_address() -> None:
    for lock in (INSTALLER, *LOCKS.values()):
        text = lock.read_text("utf-8")
        pins = re.findall(r"^[^\s#].*", text, re.MULTILINE)

        assert all(re.match(r"[\w.\-\[\],]+==\S+ .*\\$", pin) for pin in pins)
        assert len(re.findall(r"(?<!:)\\\n +--hash=sha256:[0-9a-f]{64}", text)) >= len(pins)
        assert "://" not in text


def test_the_locks_agree() -> None:
    installer, run, examples, documents, reconstruction, dev = (
        {(pin.name, pin.version) for pin in read_lock(lock)}
        for lock in (INSTALLER, *LOCKS.values())
    )

    assert run <= examples <= documents <= dev
    assert run <= reconstruction <= dev
    names = {name for name, _ in dev}
    assert {(name, version) for name, version in installer if name in names} <= dev


def test_a_server_needs_no_package_of_the_examples() -> None:
    server_packages = {pin.name for pin in read_lock(LOCKS["run"])}

    assert not {"hpo3", "igraph", "numpy", "scipy"} & server_packages
    assert {"hpo3", "igraph", "numpy", "scipy"} <= {
        pin.name for pin in read_lock(LOCKS["examples"])
    }


def versions(wanted: Requirement, locked: dict[str, set[str]]) -> set[str]:
    return locked.get(canonicalize_name(wanted.name), set())


def needs(parts: tuple[str, ...]) -> Iterator[Requirement]:
    """Collect the project's transitive dependencies, including extras of extras."""
    optional = PROJECT["project"]["optional-dependencies"] | PROJECT["dependency-groups"]
    lines = [*PROJECT["project"]["dependencies"], *(x for each in parts for x in optional[each])]
    left, seen = [Requirement(line) for line in lines], set()
    while left:
        wanted = left.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        yield wanted
        for line in importlib.metadata.requires(wanted.name) or ():
            further = Requirement(line)
            chosen = ["", *wanted.extras]
            if further.marker is None or any(further.marker.evaluate({"extra": x}) for x in chosen):
                left.append(further)
