"""The schedule file is validated as a whole, and errors have their location."""

from pathlib import Path

import pytest

from callboard import operation
from callboard.actors.container import build_container
from callboard.config import load_settings
from callboard.jobs.errors import OperationError, ScheduleInvalid
from callboard.jobs.registry import Registry
from callboard.jobs.schedules.file import read_schedules
from callboard.jobs.schedules.schedule import Schedule

pytestmark = pytest.mark.check

GOOD = """
[nightly-report]
cron = "30 2 * * MON-FRI"
timezone = "Europe/Berlin"
operation = "report"
params = { day = "yesterday" }
priority = 3
labels = { team = "atlas" }
tenant = "lab"
missed = "skip"

[hourly]
cron = "0 * * * *"
operation = "report"
"""


@operation
def report(day: str = "today") -> str:
    """Write a report."""
    return day


def _read(folder: Path, text: str) -> dict[str, Schedule]:
    path = folder / "schedules.toml"
    path.write_text(text, encoding="utf-8")
    return read_schedules(path, Registry([report]))


def test_each_table_becomes_a_schedule(tmp_path: Path) -> None:
    found = _read(tmp_path, GOOD)

    nightly, hourly = found["nightly-report"], found["hourly"]
    assert nightly.model_dump() == {
        "cron": "30 2 * * MON-FRI",
        "timezone": "Europe/Berlin",
        "operation": "report",
        "params": {"day": "yesterday"},
        "priority": 3,
        "labels": {"team": "atlas"},
        "tenant": "lab",
        "missed": "skip",
    }
    assert (hourly.timezone, hourly.params, hourly.tenant) == ("UTC", {}, "default")
    assert (hourly.missed, hourly.priority) == ("once", 5)
    assert Schedule.from_fields(nightly.fields()) == nightly


def test_dates_of_toml_are_text(tmp_path: Path) -> None:
    found = _read(tmp_path, GOOD.replace('day = "yesterday"', "day = 2026-11-22"))

    assert found["nightly-report"].params == {"day": "2026-11-22"}


def test_an_empty_file_has_none(tmp_path: Path) -> None:
    assert _read(tmp_path, "") == {}


@pytest.mark.parametrize(
    ("there", "instead", "said"),
    [
        ("30 2", "30 25", r"'nightly-report': /cron: is not a cron expression: bad hour"),
        ("Europe/Berlin", "Berlin", r"'nightly-report': /timezone: must be a time zone"),
        ('"report"\nparams', '"other"\nparams', r"/operation: No operation has the name 'other'"),
        ('day = "yesterday"', "day = 1", r"/params/day"),
        ('day = "yesterday"', "day = nan", r"not data that JSON can represent"),
        ("missed", "mised", r"/mised"),
        ("[hourly]", "[Hourly]", r"'Hourly': .* lowercase letters"),
        ("[hourly]", "[hourly", r"cannot be read"),
        ("[nightly-report]", "loose = 1\n[nightly-report]", r"'loose': .* table"),
    ],
)
def test_a_mistake_is_named_with_file_schedule_and_member(
    tmp_path: Path, there: str, instead: str, said: str
) -> None:
    with pytest.raises(ScheduleInvalid, match=rf"schedules\.toml: .*{said}"):
        _read(tmp_path, GOOD.replace(there, instead))


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ScheduleInvalid, match=r"nothing\.toml: cannot be read"):
        read_schedules(tmp_path / "nothing.toml", Registry([]))


def test_an_invalid_file_prevents_building_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "schedules.toml"
    path.write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("CALLBOARD_SCHEDULES_FILE", str(path))

    with pytest.raises(OperationError, match="No operation has the name 'report'"):
        build_container(load_settings())
