"""A fuzzer that reads the document finds no error."""

from pathlib import Path

import pytest

from tests.contract.fuzzing import fuzz
from tests.system.stack import Stack


@pytest.mark.timeout(0)  # the fuzzer has a time limit of its own, which an option sets
def test_no_request_makes_the_server_contradict_the_document(
    fuzzed: Stack, keys: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seconds: int = request.config.getoption("--fuzz-seconds")

    findings = fuzz(fuzzed.url, keys, tmp_path, seconds=seconds)

    assert not findings.found, findings.output
