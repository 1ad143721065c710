"""Resolves the locks: every dependency with its hashes, for all platforms, no index address."""

import subprocess
import sys
from pathlib import Path

_RUN = Path("requirements.lock")
_DEV = Path("requirements-dev.lock")
_OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--upgrade",
    "--custom-compile-command=make lock",
    "--quiet",
)


def main() -> None:
    """Write both locks; the developers' one has the versions of the other and adds its own."""
    _compile(_RUN, "--extra=build", "--extra=examples")
    _compile(_DEV, "--all-extras", f"--constraints={_RUN}")


def _compile(lock: Path, *options: str) -> None:
    uv = Path(sys.executable).with_name("uv")
    command = [
        str(uv),
        "pip",
        "compile",
        *_OPTIONS,
        *options,
        f"--output-file={lock}",
        "pyproject.toml",
    ]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
