"""The document satisfies third-party linters."""

import json
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.contract import node
from tests.contract.documents import document
from tests.system.stack import ROOT


def test_the_document_is_valid() -> None:
    errors = list(OpenAPIV31SpecValidator(document()).iter_errors())

    assert not errors


def test_spectral_reports_no_finding(tools: Path, tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document()), encoding="utf-8")

    done = node.run(
        tools / "spectral",
        "lint",
        str(file),
        f"--ruleset={ROOT / '.spectral.yaml'}",
        "--fail-severity=hint",
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout + done.stderr


pytestmark = pytest.mark.timeout(240)  # the first session fetches the linter
