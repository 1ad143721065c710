"""Operations of which one needs the output of the others."""

from pathlib import Path

from callboard import Failure, Job, operation


@operation
def parse(folder: str, number: int, broken: bool = False, *, job: Job) -> int:
    """Write a parsed document to the folder."""
    if broken:
        raise Failure("The document is damaged.", retryable=False)
    for _ in job.track(range(3)):
        job.step(f"page of document {number}")
    (Path(folder) / f"{number}.md").write_text(f"# {number}\n")
    return number


@operation
def index(folder: str) -> list[str]:
    """List the folder."""
    return sorted(each.stem for each in Path(folder).iterdir())
