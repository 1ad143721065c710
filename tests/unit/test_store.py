"""A script's answer is read by its header, or refused."""

from collections.abc import Sequence
from typing import Any

import pytest

from callboard.jobs.script import UnknownAnswerError
from callboard.jobs.store import ScriptAnswer, Store

pytestmark = pytest.mark.check


class Answering:
    """A client whose Redis always gives the same answer."""

    def __init__(self, *answer: Any) -> None:
        self._answer = list(answer)

    def execute_command(self, *_command: Any) -> list[Any]:
        return self._answer


def store(told: list[str], *answer: Any) -> Store:
    def keep(job_ids: Sequence[str]) -> None:
        told.extend(job_ids)

    return Store(Answering(*answer), "test", on_woken=keep)


def run(answering: Store, **options: Any) -> ScriptAnswer:
    return answering.run("promote_due", answering.keys("due"), most=500, **options)


def test_an_answer_that_the_header_does_not_name_is_refused_and_wakes_no_job() -> None:
    told: list[str] = []

    with pytest.raises(UnknownAnswerError, match="promote_due answered 'unheard_of'"):
        run(store(told, b"unheard_of", [b"job-1"]))

    assert told == []


def test_an_answer_wakes_the_jobs_that_the_caller_does_not() -> None:
    told: list[str] = []

    answer = run(store(told, b"promoted", [b"job-1", b"job-2"], 2), woken_elsewhere={"job-2"})

    assert (answer.word, answer.woken, answer.values) == ("promoted", ("job-1", "job-2"), (2,))
    assert told == ["job-1"]
