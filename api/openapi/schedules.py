"""The schemas of what a schedule is made from."""

from collections.abc import Mapping

from callboard.api.description import Schema, named
from callboard.api.openapi.operations import checked
from callboard.api.openapi.shapes import one_of
from callboard.api.schedules.resource import ScheduleRequest


def schedule_requests(prefixes: Mapping[str, str]) -> dict[str, Schema]:
    """Return them for each operation, and for any.

    Args:
        prefixes: for each operation, what the names of its schemas begin with.
    """
    by_name = {name: f"{prefix}Schedule" for name, prefix in prefixes.items()}
    own = {by_name[name]: _request(name, prefix) for name, prefix in prefixes.items()}
    if not own:
        return {"ScheduleRequest": _request()}
    described = "The submission and when to run it."
    return {**own, "ScheduleRequest": one_of(described, "operation", by_name)}


def _request(operation: str | None = None, prefix: str = "") -> Schema:
    schema = checked(ScheduleRequest)
    if operation is not None:
        known = {"type": "string", "enum": [operation]}
        schema["properties"] |= {"operation": known, "params": named(f"{prefix}Parameters")}
        schema["description"] = f"When to run `{operation}`."
    return schema
