"""Show a job's progress while it runs."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from callboard.client.answer_types import JobObject
from callboard.client.client import Client
from callboard.client.job_output import NARROW, plain
from callboard.client.wait_for_job import FINAL

BAR_WIDTH: Final = 28
OPERATION_WIDTH: Final = 24


class TextColumn(ProgressColumn):
    """A field of the task, cut to its place, whatever is in it."""

    def __init__(self, name: str, *, style: str = "", width: int | None = None) -> None:
        column = Column(no_wrap=True, overflow="ellipsis", max_width=width)
        super().__init__(table_column=column)
        self._name = name
        self._style = style

    def render(self, task: Task) -> Text:
        """Return the text as it is now."""
        return Text(plain(task.fields[self._name]), style=self._style)


def watch(client: Client, job: JobObject, console: Console, *, lines: bool = False) -> JobObject:
    """Show progress until the job is final, and give it as it ended.

    Args:
        client: asks the server.
        job: which.
        console: where; through a pipe only the end is shown.
        lines: show the lines of the log above it, too.
    """
    with Progress(*_columns(console), console=console, expand=False) as progress:
        shown: Mapping[str, Any] = {}
        bar = progress.add_task("", total=100, operation=job["operation"], step=job["status"])
        for event in client.events(job["id"]):
            match event.kind:
                case "status" | "done":
                    job = event.data
                    shown = event.data["progress"] or {}
                case "progress":
                    shown = event.data or {}
                case "log" if lines:
                    progress.console.print(Text(plain(event.data["text"])))
                    continue
                case _:
                    continue
            completed = 100 if job["status"] == "succeeded" else shown.get("percent") or 0
            progress.update(bar, completed=completed, step=_step(job["status"], shown))
    # A server that had nothing to add has ended the stream without the job.
    return job if job["status"] in FINAL else client.job(job["id"])


def _columns(console: Console) -> tuple[ProgressColumn, ...]:
    if console.width < NARROW:
        return (
            TextColumn("operation", style="bold", width=console.width // 3),
            TaskProgressColumn(),
            TextColumn("step", width=console.width // 2),
        )
    return (
        TextColumn("operation", style="bold", width=OPERATION_WIDTH),
        BarColumn(bar_width=BAR_WIDTH if console.width > NARROW + OPERATION_WIDTH else 12),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("step"),
    )


def _step(status: str, progress: Mapping[str, Any]) -> str:
    return str(progress.get("step") or status) if status == "running" else status
