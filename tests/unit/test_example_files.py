"""The examples stay readable."""

from pathlib import Path
from typing import Final

import pytest

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
OPERATIONS: Final = sorted(
    file for file in EXAMPLES.glob("*/*.py") if "\n@operation" in file.read_text("utf-8")
)

pytestmark = pytest.mark.check


@pytest.mark.parametrize("file", OPERATIONS, ids=lambda file: file.stem)
def test_a_file_with_an_operation_has_fewer_than_120_lines(file: Path) -> None:
    assert len(file.read_text("utf-8").splitlines()) < 120


def test_each_example_system_has_operations() -> None:
    assert {file.parent.name for file in OPERATIONS} == {
        "curation",
        "documents",
        "literature",
        "reconstruction",
    }
