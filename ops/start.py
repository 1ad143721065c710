"""The entry point of `callboardctl`: web and worker start without other commands' imports.

That saves a second, and lets gevent patch ssl before its first import.
"""

import sys
from pathlib import Path

from callboard.server_part import ServerPartMissing, server_part

_PROCESSES = ("web", "worker")


def main() -> None:
    """Run the command that the command line names."""
    find_modules_here()
    try:
        with server_part("callboardctl"):
            _run()
    except ServerPartMissing as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def find_modules_here() -> None:
    """Make modules of operations in this folder importable, behind all installed ones."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


def _run() -> None:
    if sys.argv[1:2] and sys.argv[1] in _PROCESSES:
        from callboard.ops import processes  # noqa: PLC0415 — that is the point

        command = getattr(processes, sys.argv[1])
        command(args=sys.argv[2:], prog_name=f"callboardctl {sys.argv[1]}")
    else:
        from callboard.ops.cli import main as others  # noqa: PLC0415 — as above

        others()


if __name__ == "__main__":
    main()
