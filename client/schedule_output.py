"""Prints schedules on a terminal."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from callboard.client.job_output import NARROW, plain, rough

WHEN_WIDTH: Final = 44
COLORS: Final[Mapping[str, str]] = {"submitted": "green", "skipped": "dim"}
"""Of what became of a tick; all else is red."""


def show_schedules(console: Console, schedules: Iterable[Mapping[str, Any]]) -> None:
    """Print two lines for each, on a narrow terminal three; through a pipe, tabs."""
    found = list(schedules)
    if not console.is_terminal:
        for each in found:
            cells = (each["name"], each["next_at"] or "paused", each["operation"], _cron(each))
            click.echo("\t".join(plain(cell) for cell in cells))
        return
    narrow = console.width < NARROW
    for each in found:
        when = Text.assemble(_next(each), ", ", _last(each))
        runs = Text(f"  {plain(each['operation'])}  {plain(_cron(each))}", style="dim")
        if narrow:
            lines = [_name(each), Text.assemble("  ", when), runs]
        else:
            table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
            table.add_column(width=console.width - WHEN_WIDTH, no_wrap=True, overflow="ellipsis")
            table.add_column(no_wrap=True, overflow="ellipsis")
            table.add_row(_name(each), when)
            console.print(table)
            lines = [runs]
        for line in lines:
            console.print(line, overflow="ellipsis", no_wrap=True)


def _name(schedule: Mapping[str, Any]) -> Text:
    return Text(plain(schedule["name"]), style="bold")


def _cron(schedule: Mapping[str, Any]) -> str:
    zone = schedule["timezone"]
    return f"{schedule['cron']} {'' if zone == 'UTC' else zone}".strip()


def _next(schedule: Mapping[str, Any]) -> Text:
    if schedule["next_at"] is None:
        return Text("paused", style="magenta")
    return Text(f"in {rough(_seconds_since(schedule['next_at']) * -1)}", style="cyan")


def _last(schedule: Mapping[str, Any]) -> Text:
    last = schedule["last"]
    if last is None:
        return Text("not yet run", style="dim")
    outcome = plain(last["outcome"])
    age = rough(_seconds_since(last["at"]))
    return Text(f"{outcome} {age} ago", style=COLORS.get(outcome, "red"))


def _seconds_since(time: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
