"""Asks advisory services about the locked packages, and reports if none of them answers.

Exit codes: 0 without advisories, 1 with advisories, 3 if no service answered.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

SERVICES: Final = ("pypi", "osv")
"""Services, asked in order until one has answered for all packages."""

CLEAN: Final = 0
VULNERABLE: Final = 1
UNKNOWN: Final = 3

_TIMEOUT_S: Final = 600

Report = Mapping[str, Any]
Ask = Callable[[str, Path], Report | str]


def main() -> None:
    """Audit a lock with the services named on the command line, or with all."""
    lock, *services = sys.argv[1:] or ["requirements.lock"]
    code, lines = audit(Path(lock), services=services or SERVICES)
    print("\n".join(lines))
    raise SystemExit(code)


def audit(
    lock: Path, ask: Ask | None = None, *, services: Sequence[str] = SERVICES
) -> tuple[int, list[str]]:
    """Judge the services' answers; a package without an answer counts as unknown.

    Args:
        lock: with exact versions and hashes.
        ask: replaces the services; returns a report, or the reason for a failure.
        services: their names, in order.

    Returns:
        The exit code, and the printed lines.
    """
    lines: list[str] = []
    for service in services:
        report = (ask or _ask)(service, lock)
        if isinstance(report, str):
            lines.append(f"{service}: could not be asked: {report}")
            continue
        packages = report["dependencies"]
        if known := [line for each in packages for line in _advisories(each)]:
            return VULNERABLE, [*lines, *known, f"{len(known)} advisories ({service})"]
        unanswered = [each["name"] for each in packages if "skip_reason" in each]
        if packages and not unanswered:
            return CLEAN, [*lines, f"{len(packages)} packages, no advisory ({service})"]
        lines.append(f"{service}: knows nothing of {len(unanswered)} of {len(packages)} packages")
    return UNKNOWN, [
        *lines,
        "Not audited: no advisory service could be reached that knows these packages.",
        "Run it where one can be reached. The packages may or may not be safe.",
    ]


def _advisories(package: Mapping[str, Any]) -> list[str]:
    return [
        f"{package['name']} {package['version']}: {each['id']}"
        f" ({', '.join(each.get('aliases') or ['no other name'])}),"
        f" fixed in {', '.join(each.get('fix_versions') or ['no version yet'])}"
        for each in package.get("vulns", ())
    ]


def _ask(service: str, lock: Path) -> Report | str:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        command = [
            *(str(Path(sys.executable).with_name("pip-audit")), f"--requirement={lock}"),
            *("--require-hashes", "--disable-pip", "--progress-spinner=off", "--format=json"),
            *(f"--vulnerability-service={service}", f"--output={output}"),
        ]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {_TIMEOUT_S} s"
        # It exits with 1 for advisories and for all errors, but reports only the former.
        if output.exists():
            report: Report = json.loads(output.read_text(encoding="utf-8"))
            return report
    return _last_line(done.stderr)


def _last_line(said: str) -> str:
    lines = said.strip().splitlines() or ["pip-audit said nothing"]
    return lines[-1][:300]


if __name__ == "__main__":
    main()
