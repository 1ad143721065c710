"""Where `callboardctl` begins: web and worker start without what the other commands need.

That takes a second less, and leaves gevent to patch ssl before anybody imports it.
"""

import sys
from pathlib import Path

_PROCESSES = ("web", "worker")


def main() -> None:
    """Run the command that the command line names."""
    _find_modules_here()
    if sys.argv[1:2] and sys.argv[1] in _PROCESSES:
        from callboard.ops import processes  # noqa: PLC0415 — that is the point

        command = getattr(processes, sys.argv[1])
        command(args=sys.argv[2:], prog_name=f"callboardctl {sys.argv[1]}")
    else:
        from callboard.ops.cli import main as others  # noqa: PLC0415 — as above

        others()


def _find_modules_here() -> None:
    """Find modules of operations in this folder, but none that is called as one of ours."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)


if __name__ == "__main__":
    main()
