"""W3C Trace Context is parsed by the recommendation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.api.trace_context import parse_trace_context, parse_trace_state

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def test_a_well_formed_traceparent_is_kept() -> None:
    read = parse_trace_context(f"00-{TRACE}-{PARENT}-01", "rojo=00f067aa0ba902b7,congo=t61")

    assert read == (f"00-{TRACE}-{PARENT}-01", "rojo=00f067aa0ba902b7,congo=t61")


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "nonsense",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01-",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}",
        f"0-{TRACE}-{PARENT}-01",
        f"01-{TRACE}-{PARENT}-01more",
        f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-0\u0661",
    ],
)
def test_a_malformed_traceparent_is_ignored_with_its_tracestate(malformed: str) -> None:
    assert parse_trace_context(malformed, "rojo=1") is None


@pytest.mark.parametrize("more", ["", "-", "-what-the-future-brings"])
def test_the_first_four_parts_of_a_future_version_are_kept(more: str) -> None:
    read = parse_trace_context(f"cc-{TRACE}-{PARENT}-ff{more}")

    assert read == (f"00-{TRACE}-{PARENT}-03", None)


@pytest.mark.parametrize(
    "state",
    ["rojo=1", "a=b, c=d", "fw529a3039@dt=FfAAAAA", "0tenant@sys=x y", ",rojo=1,,", "a=b\t,\tc=d"],
)
def test_a_well_formed_tracestate_keeps_all_its_members(state: str) -> None:
    kept = parse_trace_state(state) or ""

    assert kept.split(",") == [part.strip() for part in state.split(",") if part.strip()]


@pytest.mark.parametrize(
    "state",
    ["", ",", "rojo", "Rojo=1", "rojo=", "a=1,a=2", "a=b=c", "ä=1", "a=ü", "1a=x", "a@@b=1"],
)
def test_a_malformed_tracestate_is_ignored(state: str) -> None:
    assert parse_trace_state(state) is None


def test_a_tracestate_of_more_than_32_members_is_ignored() -> None:
    assert parse_trace_state(",".join(f"k{n}=v" for n in range(32))) is not None
    assert parse_trace_state(",".join(f"k{n}=v" for n in range(33))) is None


def test_a_tracestate_that_is_too_long_loses_large_members_first_and_then_the_last() -> None:
    small = [f"k{number}={'v' * 60}" for number in range(9)]
    large = f"large={'v' * 200}"

    kept = parse_trace_state(",".join([large, *small])) or ""

    assert kept == ",".join(small[:8])
    assert len(kept) <= 512


@given(st.text(max_size=600))
def test_no_tracestate_is_longer_than_512_characters(text: str) -> None:
    kept = parse_trace_state(f"a=1,{text}")

    assert kept is None or len(kept) <= 512
