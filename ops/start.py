"""Where `callboardctl` begins: web and worker start without what the other commands need.

That takes a second less, and leaves gevent to patch ssl before anybody imports it.
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
    """Find modules of operations in this folder, but none that is called as one of ours."""
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
