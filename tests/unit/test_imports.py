"""Every imported package is listed in pyproject.toml, so that an installation has it."""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.check

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = {"bench", "callboard", "examples", "tests", "tools"}
OF_TYPES_ALONE = {"_typeshed"}
SERVER = ("actors", "api", "config", "jobs", "ops", "telemetry")
PARTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "plain": (("client",), ("socks",)),
    "server": (SERVER, ("server", "telemetry")),
    "examples": (("examples/curation", "examples/literature"), ("server", "examples")),
    "documents": (("examples/documents",), ("server", "examples", "documents")),
    "reconstruction": (("examples/reconstruction",), ("server", "reconstruction")),
    "demos": (("examples",), ("server", "examples", "documents", "reconstruction")),
    "dev": (
        ("bench", "tests", "tools"),
        (
            *("server", "socks", "telemetry", "build", "installer"),
            *("examples", "documents", "reconstruction", "dev"),
        ),
    ),
}
"""Folders, and the extras and groups that they are installed with."""


def imported(folders: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Return third-party modules, and where they are imported."""
    for file in (each for folder in folders for each in (ROOT / folder).rglob("*.py")):
        if "node_modules" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for name in modules_of(node):
                top = name.partition(".")[0]
                if top not in OURS | OF_TYPES_ALONE and top not in sys.stdlib_module_names:
                    yield name, str(file.relative_to(ROOT))


def modules_of(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [each.name for each in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
    return []


def listed(kinds: tuple[str, ...]) -> set[str]:
    extras, groups = PROJECT["project"]["optional-dependencies"], PROJECT["dependency-groups"]
    lines = [line for kind in kinds for line in {**extras, **groups}[kind]]
    return {
        canonicalize_name(Requirement(line).name)
        for line in [*PROJECT["project"]["dependencies"], *lines]
    }


@pytest.mark.parametrize("part", PARTS)
def test_every_package_that_is_imported_is_listed(part: str) -> None:
    folders, kinds = PARTS[part]
    brought_by = {
        module: {canonicalize_name(each) for each in names}
        for module, names in packages_distributions().items()
    }

    found = list(imported(folders))
    missing = [
        (name, file)
        for name, file in found
        if not brought_by.get(name.partition(".")[0], set()) & listed(kinds)
    ]

    assert len(found) > 3
    assert missing == []
