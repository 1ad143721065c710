"""The schemas of event streams, as `callboard.api.event_stream` sends them."""

from typing import Final

from callboard.api.description import Schema, named
from callboard.api.media import JSON
from callboard.api.openapi.problems import problem_name
from callboard.api.openapi.shapes import object_schema, one_of, with_description
from callboard.api.problems import table
from callboard.jobs.statuses import STATUSES

_ID: Final[Schema] = {
    "type": "string",
    "pattern": rf"^[0-9]+\.[0-9]+\.(?:{'|'.join(STATUSES)})\.[0-9]+$",
}
_DATA: Final = {
    "status": ("Job", "The job's status has changed; also sent at the start of the stream."),
    "progress": ("Progress", "The run has made progress."),
    "log": ("LogLine", "The function has written a line."),
    "done": ("Job", "The job is final. This is the last event."),
    "gone": (problem_name(table.JOB_GONE), "The job was removed. This is the last event."),
}


def _event(name: str) -> Schema:
    schema, says = _DATA[name]
    data = {"type": "string", "contentMediaType": JSON, "contentSchema": named(schema)}
    return object_schema(
        says,
        {
            "id": with_description(_ID, "Send it as `Last-Event-ID` to resume the stream."),
            "event": {"type": "string", "enum": [name]},
            "data": with_description(data, f"JSON: a `{schema}`."),
        },
        optional="id" if name == "gone" else "",
    )


def _name(event: str) -> str:
    return f"{event.capitalize()}Event"


SCHEMAS: Final[dict[str, Schema]] = {
    **{_name(each): _event(each) for each in _DATA},
    "Event": one_of("One event of a stream.", "event", {each: _name(each) for each in _DATA}),
}
