"""How findings are written: a table on a terminal, lines for a pipe, or JSON."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from callboard.ops.doctor.finding import Finding, Level, count_levels

_STYLES: Final[dict[Level, str]] = {
    "ok": "green",
    "note": "cyan",
    "warning": "yellow",
    "problem": "bold red",
    "unknown": "magenta",
}
_WORST_FIRST: Final[tuple[Level, ...]] = ("problem", "warning", "unknown", "note", "ok")


def show(console: Console, findings: Sequence[Finding]) -> None:
    """Print findings as a table, or as lines of tabs where nobody looks at a terminal."""
    ordered = sorted(findings, key=lambda each: _WORST_FIRST.index(each.level))
    if console.is_terminal:
        console.print(_table(ordered))
        console.print(Text(summary(findings)))
        return
    for finding in ordered:
        # As wide as it is: what reads a pipe cuts at tabs, not at columns.
        console.file.write("\t".join(_cells(finding)) + "\n")


def as_json(findings: Sequence[Finding]) -> str:
    """Write findings and their count by level as one JSON document."""
    rows: list[dict[str, Any]] = [
        {
            "about": each.about,
            "level": each.level,
            "matter": each.matter,
            "remedy": each.remedy or None,
            "examples": list(each.examples),
            "mended": each.mended,
        }
        for each in findings
    ]
    return json.dumps({"levels": count_levels(findings), "findings": rows}, indent=2)


def summary(findings: Sequence[Finding]) -> str:
    """Say in a line how it is all in all."""
    counts = count_levels(findings)
    said = [_counted(counts[level], level) for level in _WORST_FIRST if counts[level]]
    mended = sum(each.mended for each in findings)
    return ", ".join(said) + (f"; {mended} repaired" if mended else "") + "."


def _table(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, padding=(0, 1), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(min_width=12, max_width=22)
    table.add_column(ratio=1)
    for finding in findings:
        style = _STYLES[finding.level]
        level = Text(finding.level, style=style)
        table.add_row(level, Text(_plain(finding.about)), Group(*_lines(finding)))
    return table


def _lines(finding: Finding) -> Iterator[RenderableType]:
    yield Text(_plain(_matter(finding)))
    for example in finding.examples:
        yield Text(f"  {_plain(example)}", style="dim")
    if finding.remedy:
        row = Table.grid(padding=(0, 1))
        row.add_row(Text("→"), Text(_plain(finding.remedy)))
        yield row


def _cells(finding: Finding) -> tuple[str, ...]:
    examples = "; ".join(finding.examples)
    found = (finding.level, finding.about, _matter(finding), finding.remedy, examples)
    return tuple(_plain(cell) for cell in found)


def _matter(finding: Finding) -> str:
    return f"Repaired. {finding.matter}" if finding.mended else finding.matter


def _plain(text: str) -> str:
    """Show what comes from elsewhere, and never obey it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _counted(count: int, level: Level) -> str:
    plural = "s" if count > 1 and level in ("note", "warning", "problem") else ""
    return f"{count} {level}{plural}"
