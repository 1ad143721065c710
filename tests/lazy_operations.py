"""Operations that do their work when their parameters or results are read."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from functools import partial
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainSerializer,
    TypeAdapter,
    computed_field,
    model_serializer,
    model_validator,
)

from callboard import File, Job, operation

_pause = time.sleep  # noqa: TID251  # what functions do, while tests wait for conditions


def _work(number: int, steps: int, pause: float, job: Job) -> int:
    job.step("begun")
    _pause(pause if number < steps else 0)
    return number


@operation(time_limit="500ms")
def yielded(steps: int, pause: float, *, job: Job) -> Iterable[int]:
    """Yield."""
    for number in range(steps):
        yield _work(number, steps, pause, job)


@operation(time_limit="500ms", isolation="process")
def yielded_apart(steps: int, pause: float, *, job: Job) -> Iterable[int]:
    """Yield in a child process."""
    for number in range(steps):
        yield _work(number, steps, pause, job)


@operation(time_limit="500ms")
async def yielded_async(steps: int, pause: float, *, job: Job) -> AsyncIterator[int]:
    """Yield, with pauses."""
    for number in range(steps):
        job.step("begun")
        await asyncio.sleep(pause)
        yield number


@operation(time_limit="500ms")
def mapped(steps: int, pause: float, *, job: Job) -> list[int]:
    """Return a map where a list is declared."""
    return map(partial(_work, steps=steps, pause=pause, job=job), range(steps))  # type: ignore[return-value]


@operation(time_limit="500ms")
def serialised(steps: int, pause: float, *, job: Job) -> Any:
    """Return models whose serialisers work."""

    class Number(BaseModel):
        value: int

        @model_serializer
        def work(self) -> int:
            return _work(self.value, steps, pause, job)

    return [Number(value=number) for number in range(steps)]


@operation(time_limit="500ms")
def validated(steps: int, pause: float, *, job: Job) -> Any:
    """Return a value whose validator works while it is read."""
    work = AfterValidator(lambda number: _work(number, steps, pause, job))
    return TypeAdapter(Iterable[Annotated[int, work]]).validate_python(range(steps))


@operation
def yield_files(count: int, *, job: Job) -> Iterable[File]:
    """Yield files."""
    yield from _files(count, job)


@operation(isolation="process")
def yield_files_apart(count: int, *, job: Job) -> Iterable[File]:
    """Yield files in a child process."""
    yield from _files(count, job)


@operation
def list_files(count: int, *, job: Job) -> list[File]:
    """Return a generator of files where a list is declared."""
    return _files(count, job)  # type: ignore[return-value]


def _files(count: int, job: Job) -> Iterable[File]:
    for number in range(count):
        file = job.files.new(f"{number}.txt")
        assert file.path is not None
        file.path.write_text(str(number), encoding="utf-8")
        yield file


@operation(max_retries=1, backoff="50ms..50ms")
def break_off() -> Iterable[int]:
    """Fail half-way."""
    yield 1
    raise RuntimeError("page 2 is broken")


@operation(max_retries=1, backoff="50ms..50ms", isolation="process")
def break_off_apart() -> Iterable[int]:
    """Fail half-way in a child process."""
    yield 1
    raise RuntimeError("page 2 is broken")


class Broken(BaseModel):
    """A model that cannot be computed."""

    pages: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        """Fail."""
        raise RuntimeError(f"page {self.pages} is broken")


@operation(max_retries=1, backoff="50ms..50ms")
def break_off_in_a_model() -> Broken:
    """Return a value that fails when it is read."""
    return Broken(pages=2)


class Counted(BaseModel):
    """A model that counts how often it is read."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    value: Annotated[list[int], PlainSerializer(lambda calls: calls.append(1) or len(calls))]
    document: File


@operation
def count_calls(*, job: Job) -> Counted:
    """Return a model with a file; a second read would be detected."""
    file = job.files.new("one.txt")
    assert file.path is not None
    file.path.write_text("1", encoding="utf-8")
    return Counted(value=[], document=file)


async def _later(number: int, seconds: float = 0.01) -> int:
    await asyncio.sleep(seconds)
    return number


@operation
def return_coroutine(number: int) -> int:
    """Return a coroutine, like some decorators."""
    return _later(number)  # type: ignore[return-value]


@operation(isolation="process")
def return_coroutine_apart(number: int) -> Coroutine[Any, Any, int]:
    """Return a coroutine in a child process."""
    return _later(number)


@operation(time_limit="200ms")
def return_slow_coroutine() -> int:
    """Return a slow coroutine."""
    return _later(1, seconds=60)  # type: ignore[return-value]


def _exit() -> None:
    sys.exit("no more")


def _interrupt() -> None:
    raise KeyboardInterrupt


def _need_memory() -> None:
    raise MemoryError


def _compute() -> None:
    while True:
        sum(range(100))


def _sleep() -> None:
    while True:
        _pause(0.05)


_HOW = {
    "sleeps": _sleep,
    "computes": _compute,
    "exits": _exit,
    "is interrupted": _interrupt,
    "has no memory": _need_memory,
}


class Given(BaseModel):
    """A value whose validation misbehaves in a worker."""

    home: int
    how: str

    @model_validator(mode="after")
    def check(self) -> Self:
        """Validate it, as it demands."""
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or os.getpid() != self.home:
            _HOW[self.how]()
        return self


@operation(time_limit="500ms")
def check(given: Given) -> str:
    """Accept it."""
    return given.how


@operation(time_limit="500ms")
async def check_async(given: Given) -> str:
    """Accept it, in an event loop."""
    return given.how


@operation(time_limit="500ms", isolation="process")
def check_apart(given: Given) -> str:
    """Accept it, in a child process."""
    return given.how


@operation
def check_long(given: Given) -> str:
    """Accept it, without a time limit."""
    return given.how


@operation(isolation="process")
def check_long_apart(given: Given) -> str:
    """Accept it, without a time limit, in a child process."""
    return given.how
