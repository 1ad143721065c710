"""A submission is validated exactly as its schema states."""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callboard.api.jobs.submission import SubmissionBody, parse_submission
from callboard.api.problems.problem import Problem
from callboard.api.times import parse_time
from callboard.jobs.fields import is_label

pytestmark = pytest.mark.check

SCHEMA: Final[dict[str, Any]] = json.loads(json.dumps(SubmissionBody.model_json_schema()))
MEMBERS: Final = SCHEMA["properties"]
((NAME, VALUE),) = MEMBERS["labels"]["patternProperties"].items()
TIMES: Final = next(each for each in MEMBERS["run_at"]["anyOf"] if each["type"] == "string")


def _accepts(**members: Any) -> bool:
    try:
        parse_submission({"operation": "add", "params": {}, **members})
    except Problem:
        return False
    return True


def _matches(pattern: str, text: str) -> bool:
    # `$` in JSON Schema matches only the end; in Python, also before a final newline.
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    return re.fullmatch(pattern[1:-1], text) is not None


@given(st.text())
@example("a b")
@example("a\n")
@example("-a")
@example("a" * 63)
@example("a" * 64)
@example("é")
def test_label_names_are_limited_as_in_the_schema(name: str) -> None:
    accepted = _accepts(labels={name: ""})

    assert accepted == _matches(NAME, name) == is_label(name, "")


@given(st.text())
@example("b\n")
@example("\x00")
@example("\x7f")
@example("\x85")
@example("\u061c")
@example("\u200e")
@example("\u2028")
@example("\u2029")
@example("\u202e")
@example("\u2066")
@example("👩\u200d🔬 naïve 中文 \u00a0")
@example("a" * 256)
@example("a" * 257)
@example("😀" * 256)
def test_label_values_are_limited_as_in_the_schema(value: str) -> None:
    accepted = _accepts(labels={"a": value})

    assert accepted == _matches(VALUE["pattern"], value) == is_label("a", value)


def test_labels_outside_the_pattern_are_refused() -> None:
    labels = MEMBERS["labels"]

    assert labels["additionalProperties"] is False
    assert _accepts(labels={f"l{number}": "" for number in range(labels["maxProperties"])})
    assert not _accepts(labels={f"l{number}": "" for number in range(labels["maxProperties"] + 1)})


@pytest.mark.parametrize("member", ["priority", "delay_seconds", "result_ttl_seconds"])
def test_numbers_are_bounded_as_in_the_schema(member: str) -> None:
    options = MEMBERS[member].get("anyOf", [MEMBERS[member]])
    bounds = next(each for each in options if each["type"] != "null")
    low, high = bounds["minimum"], bounds["maximum"]

    assert all(_accepts(**{member: value}) for value in (low, high, float(low), float(high)))
    assert not any(
        _accepts(**{member: value})
        for value in (low - 1, high + 1, str(low), True, [low], float("inf"), 2**64, -(2**63))
    )
    assert _accepts(**{member: low + 0.5}) == (bounds["type"] == "number")
    assert _accepts(**{member: None}) == ({"type": "null"} in options)


@given(st.from_regex(TIMES["pattern"], fullmatch=True))
def test_a_time_that_the_schema_allows_is_accepted_if_it_exists(text: str) -> None:
    try:
        datetime.fromisoformat(text[:10])
    except ValueError:
        assert not _accepts(run_at=text)
        return

    assert _accepts(run_at=text)
    assert parse_time(text).tzinfo is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-12-01",
        "2026-12-01T00:00:00",
        "2026-12-01 00:00:00Z",
        "2026-12-01T00:00Z",
        "2026-12-01T24:00:00Z",
        "2026-12-01T00:00:60Z",
        "2026-12-01T00:00:00+24:00",
        "2026-12-01T00:00:00Z\n",
        "٢٠٢٦-12-01T00:00:00Z",
        "1764547200",
        f"{datetime.now(UTC).year + 2}-01-01T00:00:00Z",
    ],
)
def test_a_time_that_the_schema_refuses_is_refused(text: str) -> None:
    assert not _matches(TIMES["pattern"], text)
    assert not _accepts(run_at=text)


def test_both_times_together_are_accepted() -> None:
    both = {"delay_seconds": 1, "run_at": "2026-12-01T00:00:00Z"}

    assert _accepts(**both)
    assert _accepts(**{**both, "delay_seconds": None})
    assert _accepts(**{**both, "run_at": None})


def test_additional_members_are_refused() -> None:
    assert SCHEMA["additionalProperties"] is False
    assert not _accepts(unknown=1)
    assert _accepts(operation="x" * MEMBERS["operation"]["maxLength"])
    assert not _accepts(operation="x" * (MEMBERS["operation"]["maxLength"] + 1))
