"""Resolves the locks: every dependency with hashes, for all platforms, without index addresses."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_INSTALLER = Path(".ci/installer.lock")
_RUN = Path("requirements.lock")
_EXAMPLES = Path("requirements-examples.lock")
_DOCUMENTS = Path("requirements-documents.lock")
_RECONSTRUCTION = Path("requirements-reconstruction.lock")
_DEV = Path("requirements-dev.lock")
_OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=make lock",
    "--quiet",
)

_SERVER = ("--extra=server", "pyproject.toml", "--group=pyproject.toml:build")


def main() -> None:
    """Write the locks; each has the versions of the earlier ones and adds its own.

    `--keep` keeps the locked versions, as far as pyproject.toml allows.
    """
    _compile(_INSTALLER, *_groups("installer"))
    _compile(_RUN, *_SERVER, after=[_INSTALLER])
    _compile(_EXAMPLES, *_SERVER, *_groups("examples"), after=[_INSTALLER, _RUN])
    _compile(
        _DOCUMENTS,
        *_SERVER,
        *_groups("examples", "documents"),
        after=[_INSTALLER, _EXAMPLES],
    )
    _compile(
        _DEV,
        "--all-extras",
        "pyproject.toml",
        *_groups("build", "examples", "documents", "reconstruction", "dev"),
        after=[_INSTALLER, _DOCUMENTS],
    )
    # Last, since tests allow fewer versions of what its packages need.
    _compile(
        _RECONSTRUCTION,
        *_SERVER,
        *_groups("reconstruction"),
        after=[_INSTALLER, _DEV],
    )


def _groups(*names: str) -> list[str]:
    return [f"--group=pyproject.toml:{name}" for name in names]


def _compile(lock: Path, *options: str, after: Sequence[Path] = ()) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [
        str(uv),
        "pip",
        "compile",
        *_OPTIONS,
        *([] if "--keep" in sys.argv else ["--upgrade"]),
        *options,
        *(f"--constraints={each}" for each in after),
        f"--output-file={lock}",
    ]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
