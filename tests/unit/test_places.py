"""Places are bounded, and no holder gets all of them."""

import threading

import pytest

from callboard.api.waiting.fair_limit import FairLimit
from tests.eventually import eventually

pytestmark = pytest.mark.check


def _taken_by(places: FairLimit, holder: str) -> int:
    return sum(iter(lambda: places.take([holder]), False))


def test_one_holder_leaves_places_for_others() -> None:
    places = FairLimit(900, greed=8)

    first = _taken_by(places, "tenant a")

    assert first == 800
    assert places.take(["tenant b"])


def test_the_more_holders_want_many_places_the_fewer_each_gets() -> None:
    places = FairLimit(900, greed=8)

    took = [_taken_by(places, f"tenant {number}") for number in range(5)]

    assert sorted(took, reverse=True) == took
    assert all(each > 0 for each in took)


def test_each_of_several_holders_has_its_share() -> None:
    places = FairLimit(90, greed=8)
    while places.take(["tenant a", "peer 192.0.2.1"]):
        pass

    assert not places.take(["tenant b", "peer 192.0.2.1"])
    assert places.take(["tenant b", "peer 192.0.2.2"])


def test_a_returned_place_can_be_taken_again() -> None:
    places = FairLimit(9, greed=8)
    took = _taken_by(places, "tenant a")

    for _ in range(took):
        places.free(["tenant a"])

    assert (places.taken, _taken_by(places, "tenant a")) == (0, took)


def test_a_waiting_holder_gets_a_freed_place() -> None:
    places = FairLimit(100, greed=3)
    assert places.take(["a"], count=70)
    got: list[bool] = []
    waiter = threading.Thread(
        target=lambda: got.append(places.take(["b"], count=60, within_s=20)), daemon=True
    )

    waiter.start()
    eventually(lambda: places._waiting == 1, what="somebody waits")
    places.free(["a"], count=70)
    waiter.join(20)

    assert got == [True]


def test_no_holder_waits_forever() -> None:
    places = FairLimit(10, greed=3)
    assert places.take(["a"], count=7)

    assert not places.take(["b"], count=6, within_s=0.01)
    assert places.taken == 7
