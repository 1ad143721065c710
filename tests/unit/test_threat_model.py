"""Every test named in the threat model exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODEL = (ROOT / "docs/threat-model.md").read_text("utf-8")


def test_every_named_test_exists() -> None:
    named = re.findall(r"`((?:unit|integration|system|contract|faults)/[a-z_]+\.py)`", MODEL)

    assert len(named) > 20
    assert [name for name in named if not (ROOT / "tests" / name).is_file()] == []


def test_every_attack_has_a_test_or_is_left_to_the_operator() -> None:
    attacks = MODEL.partition("## From outside")[2]
    tables = [table for table in attacks.split("\n\n") if " | shown by |" in table]
    rows = [row for table in tables for row in table.splitlines() if row.startswith("| ")]

    answers = [row.rstrip(" |").rpartition(" | ")[2] for row in rows]

    unanswered = [each for each in answers if ".py`" not in each and each != "*yours*"]
    assert unanswered == ["shown by"] * 5


def test_every_named_setting_exists() -> None:
    reference = (ROOT / "docs/reference/settings.md").read_text("utf-8")
    said = MODEL + (ROOT / "SECURITY.md").read_text("utf-8")

    named = set(re.findall(r"CALLBOARD_[A-Z_]+", said))

    assert {name for name in named if f"## `{name}`" not in reference} == set()
