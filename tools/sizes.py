"""Checks that files stay small; a longer one states why, in a comment that starts with `long:`."""

import re
import sys
from pathlib import Path

_FOLDERS = (
    "actors",
    "api",
    "bench",
    "callboard",
    "client",
    "config",
    "jobs",
    "ops",
    "telemetry",
    "tests",
    "tools",
)
_MAX_LINES = {".lua": 80, ".py": 250}
_MAX_LINES_OF_A_TEST = 400
_REASON = re.compile(r"^\s*(#|--) long: \S", re.MULTILINE)


def main() -> int:
    """Print each file that is too long without a reason; return 1 if there is one, else 0."""
    long = [
        f"{file}: {lines} lines, {most} at most; split it, or say why in a `long:` comment"
        for folder in _FOLDERS
        for file in sorted(Path(folder).rglob("*"))
        if (most := _most_lines(file))
        and (lines := len((text := file.read_text("utf-8")).splitlines())) > most
        and not _REASON.search(text)
    ]
    print("\n".join(long), end="\n" if long else "")
    return 1 if long else 0


def _most_lines(file: Path) -> int | None:
    most = _MAX_LINES.get(file.suffix)
    return _MAX_LINES_OF_A_TEST if most and file.parts[0] == "tests" else most


if __name__ == "__main__":
    sys.exit(main())
