"""Where `callboardctl` begins: web and worker start without what the other commands need.

That takes a second less, and leaves gevent to patch ssl before anybody imports it.
"""

import sys

_PROCESSES = ("web", "worker")


def main() -> None:
    """Run the command that the command line names."""
    if sys.argv[1:2] and sys.argv[1] in _PROCESSES:
        from ops import processes  # noqa: PLC0415 — that is the point

        command = getattr(processes, sys.argv[1])
        command(args=sys.argv[2:], prog_name=f"callboardctl {sys.argv[1]}")
    else:
        from ops.cli import main as others  # noqa: PLC0415 — as above

        others()


if __name__ == "__main__":
    main()
