"""Drives the state machine until an invariant is violated, and prints its name."""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

import callboard.jobs
from tests.chaos.judged import Judged
from tests.servers import RedisServer

_STEPS = 120  # ending all jobs at the end of an example costs as much as many steps
_NAMED = re.compile(r"^([a-z]+(?:-[a-z]+)*): ", re.MULTILINE)


def hunt(client: Redis, *, examples: int) -> str:
    """Search for a violation; return its text, or None.

    The examples are the same each time. The first failure is not shrunk.
    """
    try:
        run_state_machine_as_test(
            lambda: Judged(client),  # type: ignore[arg-type]  # called to make one, no more
            settings=settings(
                max_examples=examples,
                stateful_step_count=_STEPS,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except AssertionError as wrong:
        return str(wrong)
    return ""


def main() -> int:
    """Print the violated invariants and their messages as JSON; return 1 if any."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.hunt", description=__doc__)
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--tree", type=Path, required=True, help="whose scripts must be the ones")
    asked = parser.parse_args()
    assert Path(callboard.jobs.__file__).is_relative_to(asked.tree), (
        "the scripts of another tree are loaded"
    )
    with tempfile.TemporaryDirectory(prefix="hunt-") as folder:
        server = RedisServer(Path(folder), options={"appendonly": "no"})
        server.start()
        try:
            wrong = hunt(server.connect(), examples=asked.examples)
        finally:
            server.close()
    said = {"broken": sorted(set(_NAMED.findall(wrong))), "details": wrong.splitlines()[:8]}
    sys.stdout.write(json.dumps(said) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
