"""The audit never treats silence as success, and the bill of materials equals the lock."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callboard.config.environment import bare_environment
from tools.audit import CLEAN, UNKNOWN, VULNERABLE, audit
from tools.sbom import read_lock

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"

GOOD = {"name": "good", "version": "1.0", "vulns": []}
SKIPPED = {"name": "odd", "skip_reason": "Dependency not found and could not be audited"}
BAD = {
    "name": "bad",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"]}],
}


def asked(**reports: list[dict[str, Any]] | str) -> tuple[int, str]:
    def ask(service: str, _lock: Path) -> Mapping[str, Any] | str:
        report = reports.get(service, "nobody answers")
        return report if isinstance(report, str) else {"dependencies": report}

    code, lines = audit(LOCK, ask)
    return code, "\n".join(lines)


def test_packages_without_advisories_are_clean() -> None:
    code, said = asked(pypi=[GOOD, GOOD])

    assert (code, said) == (CLEAN, "2 packages, no advisory (pypi)")


@pytest.mark.parametrize("service", ["pypi", "osv"])
def test_an_advisory_of_either_service_is_shown_with_its_fix(service: str) -> None:
    code, said = asked(**{service: [GOOD, SKIPPED, BAD]})

    assert code == VULNERABLE
    assert "bad 2.0: PYSEC-1 (CVE-1), fixed in 2.1" in said


@pytest.mark.parametrize(
    "reports",
    [
        pytest.param({}, id="nobody answers"),
        pytest.param({"pypi": [SKIPPED, SKIPPED]}, id="an index that knows no advisories"),
        pytest.param({"pypi": [GOOD, SKIPPED], "osv": [SKIPPED, GOOD]}, id="each knows a part"),
        pytest.param({"pypi": [], "osv": []}, id="nothing was asked"),
    ],
)
def test_packages_that_no_service_knows_are_not_audited(reports: dict[str, Any]) -> None:
    code, said = asked(**reports)

    assert code == UNKNOWN
    assert "Not audited" in said


def test_the_second_service_replaces_the_first() -> None:
    code, _ = asked(pypi=[SKIPPED], osv=[GOOD])

    assert code == CLEAN


def test_without_a_network_the_command_has_its_own_exit_code(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"idna==3.10 --hash=sha256:{'0' * 64}\n")
    nowhere = "http://127.0.0.1:9"

    ended = subprocess.run(
        [sys.executable, "-m", "tools.audit", str(lock), "pypi"],
        cwd=ROOT,
        env={**bare_environment(HTTPS_PROXY=nowhere, https_proxy=nowhere), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == UNKNOWN, ended.stderr
    assert "pypi: could not be asked: requests.exceptions." in ended.stdout
    assert "Not audited" in ended.stdout


def test_the_bill_of_materials_lists_the_locked_packages(tmp_path: Path) -> None:
    target = tmp_path / "dist" / "sbom.json"

    subprocess.run(
        [sys.executable, "-m", "tools.sbom", str(target)], cwd=ROOT, check=True, timeout=60
    )

    bill = json.loads(target.read_text())
    listed = {(each["name"], each["version"]) for each in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert listed == {(pin.name, pin.version) for pin in read_lock(LOCK)}
    assert len(listed) == LOCK.read_text().count("==") - LOCK.read_text().count(" == ")
    wanted = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    project = bill["metadata"]["component"]["bom-ref"]
    assert any(each.startswith("pkg:pypi/pika@") for each in wanted[project])
    pydantic = next(ref for ref in wanted if ref.startswith("pkg:pypi/pydantic@"))
    assert any(each.startswith("pkg:pypi/pydantic-core@") for each in wanted[pydantic])
