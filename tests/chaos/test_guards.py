"""The list of guards is correct, and mutations are judged by their output."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from callboard.jobs.lua_modules import check_includes, listed
from tests.chaos.checker import INVARIANTS
from tests.chaos.guards import GUARDS, Guard
from tests.chaos.judged import Judged
from tests.chaos.mutations import NOTHING, ROOT, Found, GuardChanged, copy_tree, take_out

OF_THE_MACHINE = {
    *(
        "outbox",
        "places",
        "idle-places",
        "indexes",
        "model",
        "fence",
        "claims",
        "submissions",
    )
}


@pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])
def test_each_guard_is_where_the_list_says(guard: Guard, tmp_path: Path) -> None:
    copy = tmp_path / guard.file
    copy.parent.mkdir(parents=True)
    copy.write_bytes((ROOT / guard.file).read_bytes())

    take_out(guard, tmp_path)

    assert guard.line not in copy.read_text("utf-8") or guard.line in guard.without
    assert set(guard.invariants) <= {*INVARIANTS, *OF_THE_MACHINE}


@pytest.mark.parametrize(
    "guard",
    [guard for guard in GUARDS if guard.file.endswith(".lua")],
    ids=lambda guard: guard.name,
)
def test_a_script_without_a_guard_still_runs(guard: Guard, tmp_path: Path) -> None:
    copy = tmp_path / guard.file
    copy.parent.mkdir(parents=True)
    copy.write_bytes((ROOT / guard.file).read_bytes())
    header = [line for line in copy.read_text("utf-8").splitlines() if "-- INCLUDES " in line]

    take_out(guard, tmp_path)

    check_includes(copy.stem, copy.read_text("utf-8"), listed(header[0].split(maxsplit=2)[2]))


def test_a_guard_removed_from_a_copy_is_gone_from_the_copys_imports(tmp_path: Path) -> None:
    copy_tree(tmp_path)
    guards = {guard.file: guard for guard in GUARDS}.values()

    for guard in guards:
        take_out(guard, tmp_path)

    for guard in guards:
        assert guard.line not in (tmp_path / "callboard" / guard.file).read_text("utf-8")


def test_a_missing_guard_is_no_mutation(tmp_path: Path) -> None:
    (tmp_path / "script.lua").write_text("if true then return end\n")
    guard = Guard("old", "script.lua", "if false then", "", ("limits",))

    with pytest.raises(GuardChanged, match="has 0 of its line"):
        take_out(guard, tmp_path)


def test_a_removed_guard_violates_its_own_invariant_within_the_time_limit() -> None:
    guard = Guard("count", "acquire_slot.lua", "while", "", ("limits",), seconds=60)

    told = Found(guard, ("limits", "model"), ("limits: 3 of 2",), 59.0)
    late = Found(guard, ("limits",), ("limits: 3 of 2",), 61.0)
    other = Found(guard, ("model",), ("model: differs",), 1.0)
    nothing = Found(guard, (), (), 1.0)

    assert told.as_told
    assert not any(found.as_told for found in (late, other, nothing))


def test_without_a_mutation_no_invariant_is_violated() -> None:
    assert Found(NOTHING, (), (), 1.0).as_told
    assert not Found(NOTHING, ("model",), ("model: differs",), 1.0).as_told
    assert not Found(NOTHING, (), ("it did not run",), 1.0).as_told


@pytest.mark.timeout(300)
def test_the_verdict_agrees_with_what_the_scripts_do(redis: Redis) -> None:
    run_state_machine_as_test(
        lambda: Judged(redis),  # type: ignore[arg-type]  # called to make one, no more
        settings=settings(
            max_examples=6,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
