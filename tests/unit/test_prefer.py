"""The Prefer header."""

from datetime import timedelta

import pytest

from callboard.api.prefer import Preference, parse_prefer

MAX = timedelta(seconds=60)


@pytest.mark.check
@pytest.mark.parametrize(
    ("header", "wait_s", "respond_async"),
    [
        (None, None, False),
        ("", None, False),
        ("wait=10", 10, False),
        ("WAIT=10", 10, False),
        ("wait = 10", 10, False),
        ('wait="10"', 10, False),
        ("wait=10; x=y", 10, False),
        ("respond-async, wait=10", 10, True),
        ("wait=10,respond-async", 10, True),
        ("respond-async; why=because", None, True),
        ("wait", 60, False),
        ("wait=0", 0, False),
        ("wait=3600", 60, False),
        ("wait=99999999999999999", 60, False),
        ("wait=5, wait=10", 5, False),
        ('handling=strict, x="a, wait=3", wait=4', 4, False),
        ('x="a \\", wait=3", wait=4', 4, False),
    ],
)
def test_known_preferences_are_honoured(
    header: str | None, wait_s: int | None, respond_async: bool
) -> None:
    preference = parse_prefer(header, max_wait=MAX)

    assert preference == Preference(wait_s, respond_async)


@pytest.mark.check
@pytest.mark.parametrize(
    "header",
    [
        "wait=abc",
        "wait=-1",
        "wait=1.5",
        "wait=1e3",
        "wait=\uff11",
        "respond-sync",
        ";;,,==",
        'wait="',
        "wait=abc, wait=5",
    ],
)
def test_malformed_or_unknown_preferences_are_ignored(header: str) -> None:
    preference = parse_prefer(header, max_wait=MAX)

    assert preference.wait_s in (None, 60)
    assert preference.wait_s is None or header == 'wait="'
    assert not preference.respond_async


@pytest.mark.check
def test_respond_async_alone_means_no_wait_and_an_explicit_wait_applies() -> None:
    default = timedelta(seconds=5)

    assert Preference().patience(default) == 5
    assert Preference(respond_async=True).patience(default) == 0
    assert Preference(wait_s=10, respond_async=True).patience(default) == 10


@pytest.mark.check
def test_only_honoured_preferences_are_reported_as_applied() -> None:
    both = Preference(wait_s=10, respond_async=True)

    assert both.applied(in_time=True) == "wait=10"
    assert both.applied(in_time=False) == "respond-async, wait=10"
    assert Preference(respond_async=True).applied(in_time=True) is None
    assert Preference().applied(in_time=False) is None
