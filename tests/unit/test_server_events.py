"""Server-sent events are parsed by the HTML standard."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.client.server_events import Event, EventParser


def events(*chunks: bytes) -> list[Event]:
    return list(EventParser().events(chunks))


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_end_at_lf_cr_or_both(end: str) -> None:
    stream = f"event: log{end}data: 1{end}id: 7{end}{end}".encode()

    assert events(stream) == [Event("log", 1, "7")]


def test_comments_unknown_fields_and_events_without_data_are_ignored() -> None:
    stream = b": keep-alive\n\nevent: status\n\nnonsense\nother: x\ndata: 2\n\n"

    assert events(stream) == [Event("message", 2, "")]


def test_a_truncated_event_is_dropped() -> None:
    assert events(b"data: 1\n\ndata: 2\n") == [Event("message", 1, "")]


def test_several_data_lines_become_one_text_without_their_leading_space() -> None:
    assert events(b'data:["a",\ndata:  "b"]\n\n') == [Event("message", ["a", "b"], "")]


def test_an_id_stays_until_the_next_and_one_with_a_nul_is_ignored() -> None:
    stream = b"id: 1\ndata: 1\n\ndata: 2\n\nid: a\0b\ndata: 3\n\nid\ndata: 4\n\n"

    assert [event.id for event in events(stream)] == ["1", "1", "1", ""]


@pytest.mark.parametrize(("line", "retry_ms"), [("retry: 250", 250), ("retry: 2s", None)])
def test_a_retry_hint_is_milliseconds(line: str, retry_ms: int | None) -> None:
    parser = EventParser()

    assert list(parser.events([f"{line}\n\n".encode()])) == []
    assert parser.retry_ms == retry_ms


def test_a_byte_order_mark_is_ignored_and_other_line_separators_are_text() -> None:
    text = "a\u2028b\x85c\x0bd"
    stream = f"\ufeffdata: {json.dumps(text, ensure_ascii=False)}\n\n".encode()

    # JSON forbids bare control characters in a text; U+2028 and U+0085 are none.
    stream = stream.replace(b"\x0b", b"\\u000b")
    assert events(stream) == [Event("message", text, "")]


@given(
    texts=st.lists(st.text(), min_size=1, max_size=4),
    end=st.sampled_from(["\n", "\r", "\r\n"]),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_events_do_not_depend_on_how_bytes_are_split(
    texts: list[str], end: str, cuts: list[int]
) -> None:
    stream = "".join(f"data: {json.dumps(text)}{end}{end}" for text in texts).encode()
    places = [0, *sorted({min(cut, len(stream)) for cut in cuts}), len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(places)]

    assert [event.data for event in events(*chunks)] == texts
