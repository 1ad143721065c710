"""Writes the reference of all log events from their declarations, as Markdown."""

from collections.abc import Iterator, Mapping

from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.log_fields import CONTEXT, FIELDS

_INTRODUCTION = """\
# Log events

Each line of the log is one event. As JSON (`CALLBOARD_LOG_FORMAT=json`, or `auto` without a
terminal) it has `event`, `level`, `logger` and `timestamp`, the fields of its event, and those of
its context. An event logged after an unexpected exception also has `exception`, the traceback. With
traces, `trace_id` and `span_id` name the span. `CALLBOARD_LOG_LEVEL` sets the lowest level that is
written.

Passwords in URLs, API keys and tokens are replaced by `***`. Parameters, results and other content
of requests are never logged, except in a function's own output and in the tracebacks of
`callboard dev`.

Lines of gunicorn, Dramatiq, pika and other libraries have the same format. Their `event` is a
sentence, and they are not listed here.

This page is generated from `telemetry/log_events.py` by `make reference`.

## Events
"""


def render() -> str:
    """Return the whole page."""
    lines = (line for event in sorted(LogEvent) for line in _section(event))
    return "\n".join(
        [
            _INTRODUCTION,
            *lines,
            "## Fields of the context\n",
            "Events during a request have the first two, events during a run all five.\n",
            *_table(CONTEXT),
            "",
            "## Fields of events\n",
            *_table(FIELDS),
            "",
        ]
    )


def _section(event: LogEvent) -> Iterator[str]:
    yield f"### `{event}`\n"
    yield f"{event.meaning}\n"
    yield f"- Level: `{event.level.replace(' or ', '` or `')}`"
    if event.fields:
        yield f"- Fields: {', '.join(f'`{field}`' for field in event.fields)}"
    yield ""


def _table(fields: Mapping[str, str]) -> Iterator[str]:
    yield from ("| field | meaning |", "|---|---|")
    yield from (f"| `{name}` | {meaning} |" for name, meaning in fields.items())


if __name__ == "__main__":
    print(render(), end="")
