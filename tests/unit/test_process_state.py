"""Changed process state is restored once no function needs it, and never too early."""

from contextlib import ExitStack
from typing import Any, cast

import pytest

from callboard.actors.process_state.restorer import ProcessStateRestorer
from callboard.actors.process_state.state import ProcessState, StateItem
from callboard.actors.runs import Run, Runs
from callboard.jobs.errors import Cancelled


class Rules:
    isolation = "thread"


class Operation:
    rules = Rules()


class Anything:
    operation = Operation()
    interruption = None


class JobSystem:
    """A process with one thing that can be changed."""

    def __init__(self, *, mends: bool = True) -> None:
        self.value = 1
        self.replaced: list[None] = []
        self.restorer = ProcessStateRestorer(
            Runs(), replace=lambda: self.replaced.append(None), owns_process=False
        )
        put_back: Any = self._put_back if mends else None
        self.restorer._state = ProcessState([StateItem("value", lambda: self.value, put_back)])

    def _put_back(self, was: int) -> None:
        self.value = was

    def begin(self) -> ExitStack:
        """Start a function; closing it ends the function."""
        stack = ExitStack()
        stack.enter_context(self.restorer.during(cast("Run", Anything())))
        return stack

    def end(self, running: ExitStack) -> None:
        running.close()
        self.restorer.look()


def test_state_that_a_function_changed_is_restored_when_it_ends() -> None:
    job_system = JobSystem()
    running = job_system.begin()
    job_system.value = 2

    job_system.end(running)

    assert job_system.value == 1


def test_state_is_restored_only_after_all_concurrent_functions_have_ended() -> None:
    job_system = JobSystem()
    first, second = job_system.begin(), job_system.begin()
    job_system.value = 2

    job_system.end(first)
    seen_by_the_second = job_system.value
    job_system.end(second)

    assert (seen_by_the_second, job_system.value) == (2, 1)


def test_functions_that_start_later_do_not_delay_the_restoration() -> None:
    job_system = JobSystem()
    first, second = job_system.begin(), job_system.begin()
    job_system.value = 2

    job_system.end(first)
    third = job_system.begin()
    job_system.end(second)

    assert job_system.value == 1
    job_system.end(third)


def test_state_is_restored_after_a_failed_function() -> None:
    job_system = JobSystem()

    def fail() -> None:
        with job_system.begin():
            job_system.value = 2
            raise Cancelled("no more")

    with pytest.raises(Cancelled):
        fail()
    job_system.restorer.look()

    assert job_system.value == 1


def test_a_process_that_cannot_be_restored_is_replaced_once() -> None:
    job_system = JobSystem(mends=False)
    running = job_system.begin()
    job_system.value = 2

    job_system.end(running)
    job_system.end(job_system.begin())

    assert len(job_system.replaced) == 1
