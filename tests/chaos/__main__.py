"""`python -m tests.chaos --seed 1 --minutes 30 --out folder`."""

import argparse
import json
import signal
import sys
from pathlib import Path

from tests.chaos.run import Terms, run
from tests.chaos.summary import Summary, judge


def main() -> int:
    """Run and print the verdict; return 0 if no invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="of the nemesis and the clients")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long there is trouble")
    parser.add_argument("--out", type=Path, required=True, help="a new folder for what is written")
    parser.add_argument("--load", type=float, default=1.0, help="1 is about 8 jobs a second")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True)
    terms = Terms(asked.seed, asked.minutes, asked.out.resolve(), asked.load)
    _say(f"seed {terms.seed}, {terms.minutes:g} minutes, in {terms.folder}")
    signal.signal(signal.SIGTERM, _interrupt)  # so that everything ends in this case, too
    run(terms)
    summary = judge(terms)
    (terms.folder / "summary.json").write_text(json.dumps(summary.as_json(), indent=2) + "\n")
    _show(summary)
    return 0 if summary.verdict.holds else 1


def _show(summary: Summary) -> None:
    for violation in summary.verdict.violations:
        _say(str(violation))
    _say(json.dumps(summary.as_json()["counts"]))
    _say(summary.as_row())


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
