"""A short chaos run: every fault of a long one, except those that take a minute to heal."""

from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.nemesis import FAULTS
from tests.chaos.plan import HANDS, LOSING, SECONDS_OF_RECONCILE, plan
from tests.chaos.run import Terms, run
from tests.chaos.summary import judge

SEED = 338


def test_a_seed_determines_the_plan_and_another_seed_gives_another_one() -> None:
    first, again, other = plan(1, 600), plan(1, 600), plan(2, 600)

    assert first == again
    assert first != other


def test_a_long_plan_has_every_fault_as_often_as_its_deck_requires() -> None:
    seen = Counter(fault.what for faults in plan(1, 1800).values() for fault in faults)

    assert seen.keys() == FAULTS.keys()
    for hand in HANDS:
        assert all(seen[what] >= count for what, (count, _) in hand.deck.items())


def test_a_plan_leaves_time_to_detect_lost_messages() -> None:
    faults = [fault for seed in range(50) for fault in plan(seed, 300)["servers"]]

    lost = [fault.at for fault in faults if fault.what in LOSING]
    assert lost
    assert max(lost) <= 300 - SECONDS_OF_RECONCILE


@pytest.mark.timeout(600)
def test_no_job_is_lost_while_every_server_fails(tmp_path: Path) -> None:
    terms = Terms(SEED, 0.75, tmp_path)

    run(terms)

    verdict = judge(terms).verdict
    assert not verdict.violations
    assert verdict.counts["kills"] >= 3
    assert verdict.counts["succeeded"] >= 50
