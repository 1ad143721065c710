"""Operations that raise every kind of exception."""

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

from dramatiq.errors import RateLimitExceeded, Retry
from dramatiq.middleware import SkipMessage

from callboard import Failure, operation
from callboard.jobs.errors import Cancelled, Interrupted, LeaseLost, ShutDown

_MEET = threading.Barrier(4)


class _Loud(Exception):
    """An exception whose text itself fails."""

    def __init__(self, says: Callable[[], str]) -> None:
        self.says = says

    def __str__(self) -> str:
        return self.says()

    __repr__ = __str__


def _exit() -> str:
    sys.exit("no more")


def _interrupt() -> str:
    raise KeyboardInterrupt


def _recurse() -> str:
    return _recurse()


class _Text(str):
    """Text that cannot be truncated."""

    __slots__ = ()

    def __getitem__(self, _key: Any) -> str:
        raise RuntimeError

    def encode(self, *_: Any) -> bytes:
        raise RuntimeError


def _property(name: str, says: Callable[[], Any]) -> BaseException:
    return type("Odd", (Exception,), {name: property(lambda _self: says())})("odd")  # type: ignore[no-any-return]


def _without_module() -> BaseException:
    kind = type("Homeless", (Exception,), {})
    del kind.__module__
    return kind("nowhere")


def _named(name: str) -> BaseException:
    return type(name, (Exception,), {})("named")


def _meta() -> BaseException:
    class Meta(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise RuntimeError

        @property
        def __module__(cls) -> str:  # type: ignore[override]
            raise RuntimeError

        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

        def __instancecheck__(cls, _other: Any) -> bool:
            raise RuntimeError

        def __subclasscheck__(cls, _other: Any) -> bool:
            raise RuntimeError

    return Meta("Odd", (Exception,), {})("odd")


def _deep(levels: int) -> BaseException:
    error: Exception = ValueError("inside")
    for _ in range(levels):
        error = ExceptionGroup("group", [error])
    return error


def _cycle() -> BaseException:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    one.__context__, two.__context__ = two, one
    return one


def _chain(levels: int) -> BaseException:
    error = ValueError("first")
    for _ in range(levels):
        following = ValueError("next")
        following.__context__ = error
        error = following
    return error


def _noted(notes: Any) -> BaseException:
    error = ValueError("noted")
    error.__notes__ = notes
    return error


def _compiled(name: str) -> BaseException:
    code = compile("raise ValueError('made')", name, "exec")
    try:
        exec(code)
    except ValueError as error:
        return error
    raise AssertionError


class _BadFailure(Failure):
    """A failure whose attributes fail."""

    kind = property(lambda _self: 1 / 0)  # type: ignore[assignment]
    detail = property(lambda _self: _exit(), lambda _self, _value: None)  # type: ignore[assignment]


def _failure(**changed: Any) -> BaseException:
    failure = Failure("plain")
    for name, value in changed.items():
        setattr(failure, name, value)
    return failure


class _NoBool:
    def __bool__(self) -> bool:
        raise SystemExit


ODD: dict[str, Callable[[], BaseException]] = {
    "syntax": lambda: SyntaxError("m", ("q.dsl", 3, "1", "x")),
    "syntax of text": lambda: SyntaxError("m", ("q.dsl", "3", 1, b"x")),
    "unicode": lambda: UnicodeDecodeError("utf-8", b"", 5, 9, "odd"),
    "key": lambda: KeyError(_Loud(_exit)),
    "system": lambda: OSError(_Loud(_exit), _Loud(_exit)),
    "str exits": lambda: _Loud(_exit),
    "str interrupts": lambda: _Loud(_interrupt),
    "str raises itself": lambda: _Loud(lambda: 1 / 0),  # type: ignore[arg-type, return-value]
    "str recurses": lambda: _Loud(_recurse),
    "str is none": lambda: _Loud(lambda: None),  # type: ignore[arg-type, return-value]
    "str is huge": lambda: _Loud(lambda: "x" * 10_000_000),
    "str cannot be cut": lambda: _Loud(lambda: _Text("text")),
    "str has half a character": lambda: ValueError("a\udc80"),
    "notes raise": lambda: _property("__notes__", _exit),
    "class raises": lambda: _property("__class__", _exit),
    "class lies": lambda: _property("__class__", lambda: SkipMessage),
    "cause raises": lambda: _property("__cause__", _exit),
    "context raises": lambda: _property("__context__", _exit),
    "traceback raises": lambda: _property("__traceback__", _exit),
    "traceback lies": lambda: _property("__traceback__", lambda: 3),
    "suppress raises": lambda: _property("__suppress_context__", _exit),
    "args raise": lambda: _property("args", _exit),
    "dict raises": lambda: _property("__dict__", _exit),
    "no module": _without_module,
    "module is no text": lambda: type("Odd", (Exception,), {"__module__": 3})("odd"),
    "name is empty": lambda: _named(""),
    "name is long": lambda: _named("N" * 1_000_000),
    "name has lines": lambda: _named("a\nb\x1b[31m"),
    "metaclass": _meta,
    "deep groups": lambda: _deep(5000),
    "cycle": _cycle,
    "long chain": lambda: _chain(20_000),
    "notes are no texts": lambda: _noted([_Loud(_exit), 3]),
    "notes are no list": lambda: _noted(_Loud(_exit)),
    "many notes": lambda: _noted(["note"] * 100_000),
    "odd file name": lambda: _compiled("/a\udc80/<odd>"),
    "failure with properties": lambda: _BadFailure("x"),
    "failure of odd kind": lambda: _failure(kind=["kind"]),
    "failure of odd detail": lambda: _failure(detail=_Loud(_exit)),
    "failure of odd retryable": lambda: _failure(retryable=_NoBool()),
    "keyboard": KeyboardInterrupt,
    "exit": lambda: SystemExit(_Loud(_exit)),
    "generator": GeneratorExit,
    "base": lambda: type("Base", (BaseException,), {})("base"),  # type: ignore[no-any-return]
    "group of bases": lambda: BaseExceptionGroup("g", [KeyboardInterrupt(), SystemExit(1)]),
    "stop": lambda: StopIteration(3),
    "stop async": StopAsyncIteration,
    "recursion": RecursionError,
    "memory": MemoryError,
    "cancelled error": asyncio.CancelledError,
    "skip": SkipMessage,
    "rate": lambda: RateLimitExceeded("no"),
    "retry": lambda: Retry("again", delay=1),
    "cancelled": lambda: Cancelled("mine"),
    "interrupted": lambda: Interrupted("mine"),
    "lease": lambda: LeaseLost("mine"),
    "shut down": lambda: ShutDown("mine"),
}


@operation
def raise_odd(what: str) -> None:
    """Raise something."""
    error = ODD[what]()
    raise error


@operation
async def raise_odd_async(what: str) -> None:
    """Raise something in an event loop."""
    error = ODD[what]()
    raise error


@operation(isolation="process")
def raise_odd_apart(what: str) -> None:
    """Raise something in a child process."""
    error = ODD[what]()
    raise error


class _Odd:
    """A value whose attributes all fail."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(name)


@operation
def return_odd(what: str) -> Any:
    """Return a value that fails when it is read."""
    if what == "value":
        return _Odd()
    if what == "list":
        return [_Odd()]
    return {_Loud(_exit): 1}


@operation(wait="5s")
def meet() -> bool:
    """Wait until four threads run this at once."""
    return _MEET.wait(20) >= 0


@operation(isolation="process")
def add(one: int, two: int) -> int:
    """Add."""
    return one + two
