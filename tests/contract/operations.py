"""Cheap operations that cover every course of a job."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from callboard import Accepts, Failure, File, Job, operation

MAX_ACTIVE = 1_000_000
"""A number of active jobs that a fuzzer does not reach."""

Text = Annotated[File, Accepts(media_types=("text/*",), max_bytes=64 * 1024)]
Label = Annotated[str, Field(max_length=64)]


class Point(BaseModel, extra="forbid"):
    """A point in the plane."""

    x: Annotated[float, Field(ge=-1e6, le=1e6)]
    y: Annotated[float, Field(ge=-1e6, le=1e6)] = 0.0


class Box(BaseModel):
    """The smallest box around some points."""

    lowest: Point
    highest: Point
    label: Label | None


class Lengths(BaseModel):
    """How long some texts are, in bytes."""

    total: int
    sizes: list[int]
    longest: File


@operation(max_active=MAX_ACTIVE)
def enclose(
    points: Annotated[list[Point], Field(min_length=1, max_length=20)],
    label: Label | None = None,
    *,
    job: Job,
) -> Box:
    """Find the smallest box around some points.

    Its sides are parallel to the axes.
    """
    for _ in job.track(points):
        job.log("one point more")
    return Box(
        lowest=Point(x=min(each.x for each in points), y=min(each.y for each in points)),
        highest=Point(x=max(each.x for each in points), y=max(each.y for each in points)),
        label=label,
    )


@operation(max_active=MAX_ACTIVE)
def count(numbers: dict[Label, int], kind: Literal["sum", "most"] = "sum") -> int | None:
    """Add numbers up, or find the largest."""
    values = [max(-1000, min(1000, value)) for value in numbers.values()]
    return sum(values) if kind == "sum" else max(values, default=None)


@operation(max_active=MAX_ACTIVE, max_retries=1, backoff="10ms..20ms")
def fail(reason: Label, retryable: bool = False) -> None:  # as clients send it
    """Fail, for a reason."""
    raise Failure(reason, retryable=retryable)


@operation(max_active=MAX_ACTIVE, unique=True)
def once(name: Label) -> str:
    """Run one job at a time for each name."""
    return name


@operation(max_active=MAX_ACTIVE, unique=True, on_conflict="return")
def shared(name: Label) -> str:
    """Return the same job to every caller."""
    return name


@operation(max_active=MAX_ACTIVE, unique=True, on_conflict="replace", max_running=1)
def newest(name: Label) -> str:
    """Replace an older job."""
    return name


@operation(max_active=MAX_ACTIVE)
def measure(text: Text, others: list[Text] | None = None, each: bool = False) -> Lengths:
    """Measure the length of texts."""
    sizes = [text.size, *(other.size for other in others or ())]
    return Lengths(total=sum(sizes), sizes=sizes if each else [], longest=text)


@operation(max_active=MAX_ACTIVE)
def copy(file: File, name: Label = "copy.txt", *, job: Job) -> File:
    """Return a copy of a file."""
    made = job.files.new(name)
    assert made.path is not None
    with file.open() as stream:
        made.path.write_bytes(stream.read())
    return made


@operation(max_active=MAX_ACTIVE, wait="1s")
def at_once() -> str:
    """Finish while the client waits."""
    return "done"
