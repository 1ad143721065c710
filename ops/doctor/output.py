"""Prints results: a table on a terminal, lines in a pipe, or JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from callboard.ops.doctor.result import CheckResult, Level, count_levels

_STYLES: Final[dict[Level, str]] = {
    "ok": "green",
    "note": "cyan",
    "warning": "yellow",
    "problem": "bold red",
    "unknown": "magenta",
}
_WORST_FIRST: Final[tuple[Level, ...]] = ("problem", "warning", "unknown", "note", "ok")


def show(console: Console, results: Sequence[CheckResult]) -> None:
    """Print results as a table on a terminal, or else as tab-separated lines."""
    ordered = sorted(results, key=lambda each: _WORST_FIRST.index(each.level))
    if console.is_terminal:
        console.print(_table(ordered))
        console.print(Text(summary(results)))
        return
    for result in ordered:
        # At full width: programs that read a pipe split at tabs, not at columns.
        console.file.write("\t".join(_cells(result)) + "\n")


def as_json(results: Sequence[CheckResult]) -> str:
    """Write results and their count by level as one JSON document."""
    rows: list[dict[str, Any]] = [
        {
            "about": each.about,
            "level": each.level,
            "message": each.message,
            "remedy": each.remedy or None,
            "examples": list(each.examples),
            "repaired": each.repaired,
        }
        for each in results
    ]
    return json.dumps({"levels": count_levels(results), "results": rows}, indent=2)


def summary(results: Sequence[CheckResult]) -> str:
    """Summarize all results in a line."""
    counts = count_levels(results)
    said = [_counted(counts[level], level) for level in _WORST_FIRST if counts[level]]
    repaired = sum(each.repaired for each in results)
    return ", ".join(said) + (f"; {repaired} repaired" if repaired else "") + "."


def _table(results: Sequence[CheckResult]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(min_width=12, max_width=22)
    table.add_column(ratio=1)
    for result in results:
        style = _STYLES[result.level]
        level = Text(result.level, style=style)
        table.add_row(level, Text(_plain(result.about)), Group(*_lines(result)))
    return table


def _lines(result: CheckResult) -> Iterator[RenderableType]:
    yield Text(_plain(_message(result)))
    for example in result.examples:
        yield Text(f"  {_plain(example)}", style="dim")
    if result.remedy:
        row = Table.grid(padding=(0, 1))
        row.add_row(Text("→"), Text(_plain(result.remedy)))
        yield row


def _cells(result: CheckResult) -> tuple[str, ...]:
    examples = "; ".join(result.examples)
    found = (result.level, result.about, _message(result), result.remedy, examples)
    return tuple(_plain(cell) for cell in found)


def _message(result: CheckResult) -> str:
    return f"Repaired. {result.message}" if result.repaired else result.message


def _plain(text: str) -> str:
    """Escape control characters in text from elsewhere."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _counted(count: int, level: Level) -> str:
    plural = "s" if count > 1 and level in ("note", "warning", "problem") else ""
    return f"{count} {level}{plural}"
