"""How jobs look on a terminal; what came from elsewhere is shown as text and never as commands."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callboard.client.terminal import json_text

NARROW: Final = 72
COLORS: Final[Mapping[str, str]] = {
    "scheduled": "blue",
    "queued": "cyan",
    "running": "yellow",
    "cancelling": "magenta",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "magenta",
}
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def plain(text: object) -> str:
    """Replace what a terminal would obey rather than show."""
    return "".join(
        sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(text)
    )


def as_json(value: Any, *, lines: bool = False) -> None:
    """Print for machines: a document, or with `lines` one line of many."""
    click.echo(json_text(value, indent=None if lines else 2))


def show_job(console: Console, job: Mapping[str, Any]) -> None:
    """Print what people want to know of one job."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _facts(job):
        table.add_row(name, value)
    console.print(table)
    trace = str((job.get("error") or {}).get("traceback") or "").rstrip()
    if trace:
        lines = "\n".join(f"  {plain(line)}" for line in trace.splitlines())
        console.print(Text(f"\n{lines}", style="red"), soft_wrap=True)


def show_jobs(console: Console, jobs: Iterable[Mapping[str, Any]]) -> None:
    """Print a row for each job; on a narrow terminal two lines; through a pipe, tabs."""
    if not console.is_terminal:
        for job in jobs:
            cells = (job["id"], job["status"], job["operation"], job["created_at"])
            click.echo("\t".join(plain(cell) for cell in cells))
        return
    narrow = console.width < NARROW
    for job in jobs:
        state = _state(job)
        age = Text(_age(job["created_at"]), style="dim")
        name = Text(plain(job["operation"]), style="bold")
        if narrow:
            console.print(Text(plain(job["id"])), no_wrap=True, overflow="ellipsis")
            _row(console, (Text(" "), None), (state, 12), (age, 6), (name, None))
        else:
            _row(console, (Text(plain(job["id"])), 36), (state, 12), (age, 6), (name, None))


def show_line(console: Console, line: Mapping[str, Any]) -> None:
    """Print one line of a job's log, with the time of the day in UTC."""
    clock = _time(line["time"]).strftime("%H:%M:%S")
    console.print(Text(clock, style="dim"), Text(plain(line["text"])), soft_wrap=True)


def show_operations(console: Console, operations: Iterable[Mapping[str, Any]]) -> None:
    """Print the operations with the first sentence of each; through a pipe, with tabs."""
    rows = [
        (plain(operation["name"]), plain((operation.get("description") or "").partition("\n")[0]))
        for operation in operations
    ]
    if not console.is_terminal:
        for row in rows:
            click.echo("\t".join(row))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    for name, summary in rows:
        table.add_row(Text(name), Text(summary))
    console.print(table)


def rough(seconds: float) -> str:
    """Write how long something takes by its largest unit."""
    whole = max(0, int(seconds))
    size, unit = next((unit for unit in _UNITS if whole >= unit[0]), (1, "s"))
    return f"{whole // size} {unit}"


def reason_of(job: Mapping[str, Any]) -> str:
    """Say in a line how a job ended."""
    error = job.get("error") or {}
    return plain(f"{job['status']}: {error['detail']}" if error.get("detail") else job["status"])


def _row(console: Console, *cells: tuple[Text, int | None]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _cell, width in cells:
        table.add_column(min_width=width, max_width=width, no_wrap=True, overflow="ellipsis")
    table.add_row(*(cell for cell, _width in cells))
    console.print(table)


def _facts(job: Mapping[str, Any]) -> Iterable[tuple[Text, Text]]:
    queue, progress = job.get("queue") or {}, job.get("progress") or {}
    attempt = f"{job['attempt']} of {job['max_attempts']}" if job["attempt"] else None
    facts = {
        "job": job["id"],
        "operation": job["operation"],
        "step": progress.get("step"),
        "position": queue.get("position"),
        "blocked on": "a pause" if queue.get("paused") else queue.get("blocked_on"),
        "waits for": " ".join(queue.get("waiting_for") or ()),
        "attempt": attempt,
        "created": job["created_at"],
        "due": job.get("scheduled_for"),
        "started": job.get("started_at"),
        "finished": job.get("finished_at"),
        "labels": " ".join(f"{name}={value}" for name, value in (job.get("labels") or {}).items()),
        "retry of": job.get("retry_of"),
        "request": job.get("request_id"),
        "error": (job.get("error") or {}).get("detail"),
    }
    yield Text("status"), _state(job)
    for name, value in facts.items():
        if value not in (None, ""):
            yield Text(name), Text(plain(value))


def _state(job: Mapping[str, Any]) -> Text:
    status = plain(job["status"])
    percent = (job.get("progress") or {}).get("percent")
    shown = f"{status} {percent:.0f}%" if status == "running" and percent is not None else status
    return Text(shown, style=COLORS.get(status, ""))


def _age(created_at: str) -> str:
    return rough((datetime.now(UTC) - _time(created_at)).total_seconds())


def _time(given: str) -> datetime:
    return datetime.fromisoformat(given).astimezone(UTC)
