"""The worker's own log lines are written whatever functions do to logging, which is restored."""

import io
import json
import logging
import random
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from callboard.actors.interrupts.wake_thread import wake
from callboard.actors.isolation.random_generators import find_generators, reseed
from callboard.actors.process_state.interpreter import logging_items
from callboard.actors.process_state.state import ProcessState, StateItem
from callboard.config import load_settings
from callboard.telemetry.log_setup import configure_logging
from callboard.telemetry.logger import PLACE, PROCESSORS, get_logger
from tests.eventually import eventually
from tests.process_state_operations import WAYS

LOGGING = [*list(WAYS)[: list(WAYS).index("stdout")]]

_drawn = np.random.default_rng()
_chosen = np.random.default_rng(7)
_plain = random.Random(7)


class Holder:
    """Has one of its own."""

    legacy = np.random.RandomState(7)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    before, processors = ProcessState(logging_items()), PROCESSORS[:]
    made = io.StringIO()
    configure_logging(load_settings(log_format="json"), stream=made)
    yield made
    PROCESSORS[:] = processors
    PLACE.use(None)
    logging.captureWarnings(capture=False)
    for item, _now in before.changed():
        before.restore(item)


class _Interrupted(io.StringIO):
    """A signal arrives during the first write."""

    def write(self, text: str) -> int:
        if not self.getvalue():
            super().write("begun ")
            signal.raise_signal(signal.SIGUSR1)
        return super().write(text)


@pytest.mark.timeout(20)
def test_a_signal_may_write_a_line_while_one_is_written() -> None:
    made, log = _Interrupted(), get_logger("ours")
    PLACE.use(made)
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: log.info("stopping"))

    try:
        log.info("running")
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert [word in made.getvalue() for word in ("running", "stopping")] == [True, True]


@pytest.mark.parametrize("how", LOGGING)
def test_our_lines_and_those_of_libraries_are_written_whatever_changes_logging(
    stream: io.StringIO, how: str
) -> None:
    as_it_was = ProcessState(logging_items())
    logging.getLogger("pika.adapters")

    WAYS[how]()
    get_logger("ours").info("said", job="1")
    logging.getLogger("pika.adapters").warning("lost %s", "it")
    logging.getLogger("dramatiq.made.now").error("failed", extra={"job": "2"})

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["said", "lost it", "failed"]
    for item, _now in as_it_was.changed():
        assert as_it_was.restore(item), item.name
    logging.getLogger("theirs").warning("heard")
    assert "heard" in stream.getvalue()


def test_a_value_that_cannot_be_printed_causes_no_error(stream: io.StringIO) -> None:
    class Shy:
        def __repr__(self) -> str:
            raise ValueError

    get_logger("ours").info("said", value=Shy())

    assert "said" in stream.getvalue()


def test_a_closed_stream_causes_no_error(stream: io.StringIO) -> None:
    stream.close()

    get_logger("ours").info("said")


def test_state_that_cannot_be_restored_is_reported_once() -> None:
    values = [1]
    state = ProcessState([StateItem("kept", lambda: values[0])])
    values[0] = 2

    ((item, now),) = state.changed()

    assert now == 2
    assert not state.restore(item)
    assert state.changed() == []


def test_generators_of_modules_are_reseeded_unless_they_were_seeded_explicitly() -> None:
    found = find_generators()
    before = [
        each.bit_generator.state if isinstance(each, np.random.Generator) else None
        for each in (_drawn, _chosen)
    ]
    plain, legacy = _plain.getstate(), Holder.legacy.get_state()[1].tolist()

    reseed(found)

    assert _drawn.bit_generator.state != before[0]
    assert _chosen.bit_generator.state == before[1]
    assert _plain.getstate() != plain
    assert Holder.legacy.get_state()[1].tolist() != legacy


def test_a_thread_that_waits_for_an_event_can_be_interrupted() -> None:
    event, woken = threading.Event(), []
    thread = threading.Thread(target=lambda: woken.append(event.wait()), daemon=True)
    thread.start()

    def woke() -> bool:
        wake(thread.ident or 0)
        return not thread.is_alive()

    eventually(woke, what="the thread goes on")
    assert woken == [True]  # as if it had been notified
