"""Twenty documents are parsed on several workers, and only then indexed."""

from pathlib import Path
from typing import Any

from tests.system.stack import Stack

DOCUMENTS = 20
EACH = [f"#{number}" for number in range(DOCUMENTS)]
SETTINGS = {"CALLBOARD_OPERATIONS": "tests.indexing_operations"}


def items(folder: Path, *, broken: int | None = None, **more: Any) -> list[dict[str, Any]]:
    parsed = [
        {
            "operation": "parse",
            "params": {"folder": str(folder), "number": number, "broken": number == broken},
        }
        for number in range(DOCUMENTS)
    ]
    last = {"operation": "index", "params": {"folder": str(folder)}, "after": EACH, **more}
    return [*parsed, last]


def test_twenty_documents_are_parsed_and_then_indexed(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=2, **SETTINGS)
    (folder := tmp_path / "parsed").mkdir()
    with stack.client() as client:
        made = client.batch(items(folder))
        job_id = made["items"][-1]["job"]["id"]  # type: ignore[index]  # it was accepted

        found = client.result(job_id, timeout=60)
        job = client.job(job_id)
        others = [client.job(each) for each in job["after"]]

    assert sorted(map(int, found)) == list(range(DOCUMENTS))
    assert len(others) == DOCUMENTS
    assert all((each["finished_at"] or "z") <= (job["started_at"] or "") for each in others)


def test_a_damaged_document_ends_the_index(stack: Stack, tmp_path: Path) -> None:
    stack.start(workers=1, **SETTINGS)
    (folder := tmp_path / "parsed").mkdir()
    with stack.client() as client:
        made = client.batch(items(folder, broken=7))
        jobs = [each["job"]["id"] for each in made["items"]]  # type: ignore[index]  # accepted

        job = client.wait(jobs[-1], timeout=60)

    assert job["status"] == "cancelled"
    assert job["error"] is not None
    assert jobs[7] in job["error"]["detail"]
