"""The types of the public API: `make check` reads this file, and nothing runs it."""

from typing import assert_type

from callboard import Client, File, Job, Operation, operation
from callboard.client.answer_types import JobObject


@operation()
def double(number: int, *, job: Job) -> int:
    """Double a number."""
    job.step("Doubling")
    return 2 * number


@operation(time_limit="1m", unique=True)
async def read(document: File) -> str:
    """Read a document."""
    return str(document.path)


def declared() -> None:
    """A declared function is an operation, and calling it calls the function."""
    assert_type(double.name, str)
    assert_type(double.submit(number=1), str)
    operations: list[Operation] = [double, read]
    del operations


def called(client: Client) -> None:
    """A client's answers have the types of the server's."""
    job = client.submit("double", {"number": 1})
    assert_type(job, JobObject)
    assert_type(job["status"] == "succeeded", bool)
    job["no such field"]  # type: ignore[typeddict-item]
    client.submit(1, {})  # type: ignore[arg-type]
