"""The file of schedules: read and checked when a process starts, put into Redis by workers."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from callboard.jobs.errors import OperationFault, ScheduleInvalid, ScheduleNotFound
from callboard.jobs.json_numbers import check_whole, parse_fraction
from callboard.jobs.registry import Registry
from callboard.jobs.schedules.records import list_schedules, put_schedule, remove_schedule
from callboard.jobs.schedules.schedule import Schedule, is_name, sentences
from callboard.jobs.store import Store


def read_schedules(path: Path, registry: Registry) -> dict[str, Schedule]:
    """Read the file and check all that it says; each table in it is a schedule.

    Args:
        path: of a TOML file.
        registry: the operations that there are.

    Raises:
        ScheduleInvalid: it cannot be read, or says something that cannot be; says what and where.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=parse_fraction)
    except (OSError, ValueError) as error:
        raise ScheduleInvalid(f"{path}: cannot be read: {error}") from error
    return {name: _schedule(path, name, table, registry) for name, table in tables.items()}


def apply_schedules(store: Store, declared: Mapping[str, Schedule]) -> None:
    """Have Redis hold what a file says, and nothing that only an earlier file said.

    Any number of processes may do it at the same time, and again; what is paused stays paused.

    Raises:
        TooManySchedules: there are too many.
        StoreUnavailable: Redis does not answer.
    """
    for name, schedule in declared.items():
        put_schedule(store, name, schedule, source="file")
    for stored in list_schedules(store):
        if stored.source == "file" and stored.name not in declared:
            _remove(store, stored.name)


def _remove(store: Store, name: str) -> None:
    try:
        remove_schedule(store, name, source="file")
    except ScheduleNotFound:
        # Another process that starts was faster.
        return


def _schedule(path: Path, name: str, table: Any, registry: Registry) -> Schedule:
    if not is_name(name):
        wrong = [("", "is not 1 to 64 lowercase letters, digits, - and _")]
    elif not isinstance(table, dict):
        wrong = [("", "must be a table, such as [nightly]")]
    else:
        try:
            # Dates and times of TOML are text here, as JSON has them.
            plain = from_json(to_json(table, inf_nan_mode="constants"), allow_inf_nan=False)
            check_whole(plain)
            schedule = Schedule.model_validate(plain)
            wrong = schedule.complaints(registry)
        except ValidationError as error:
            wrong = sentences(error)
        except OperationFault as error:
            wrong = [("/params", str(error))]
        except ValueError as error:
            wrong = [("", f"is not data that JSON can represent: {error}")]
    if wrong:
        said = "; ".join(f"{pointer or name}: {detail}" for pointer, detail in wrong)
        raise ScheduleInvalid(f"{path}: schedule {name!r}: {said}")
    return schedule
