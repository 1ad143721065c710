"""Load a Lua transition: read its header, put prelude and shared functions in front, call it."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from callboard.jobs.keys import lua_prelude

GROWING: Final = frozenset(
    {
        *("submit_job", "submit_batch", "reserve_file", "recover_job"),
        *("put_schedule", "keep_orphan", "try_store"),
    }
)
"""Scripts that a full Redis may refuse; every other one must still be able to end jobs."""

READING: Final = frozenset(
    {"read_queue_position", "list_jobs", "read_batch", "read_log", "due_schedules"}
)
"""Scripts that change nothing: a Redis that takes no changes runs them, and none waits for disk."""

_HEADROOM = "redis.call('DEL', key_headroom())\n"
_CLOCK = """local function read_clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local now = read_clock()
"""
_TEST_CLOCK = _CLOCK.replace(
    "local now = read_clock()",
    "local now = tonumber(redis.call('GET', key_clock())) or read_clock()",
)
_SILENCE = "local function note() end\n"
# Only where a test made the stream before; asking first, as a full Redis refuses any XADD.
_HISTORY = """local function note(what, ...)
  if redis.call('EXISTS', key_history()) == 0 then return end
  redis.call('XADD', key_history(), '*', 'at', string.format('%d', now),
    'script', '<name>', 'key', KEYS[1], 'what', what, 'values', cjson.encode({...}))
end
"""
PARAGRAPHS: Final = 3
_READ: Final = {"int": "tonumber(ARGV[{}])", "json": "cjson.decode(ARGV[{}])"}
_TYPES: Final = {"str", "bytes", *_READ}
_VARIADIC: Final = "..."


class HeaderError(ValueError):
    """A Lua file's header lacks a part, or says something that the file does not do."""


@dataclass(frozen=True)
class Header:
    """What the comment on top of a Lua file promises; the loader binds names from it.

    Attributes:
        arguments: their types by name, in order.
        variadic: the last one, if that is a list of any length, written `name...`.
    """

    name: str
    purpose: str
    keys: tuple[str, ...]
    arguments: Mapping[str, str]
    answers: tuple[str, ...]
    guarantee: str
    variadic: str | None = None


@dataclass(frozen=True)
class Script:
    """One transition's complete Lua source and the header it was made from."""

    header: Header
    source: str

    @property
    def only_reads(self) -> bool:
        """Whether it leaves everything as it is."""
        return self.header.name in READING

    @cached_property
    def digest(self) -> str:
        """Give the name by which Redis knows the source once it has seen it."""
        return hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def order(self, arguments: Mapping[str, object]) -> list[str | bytes | int]:
        """Put named arguments into ARGV's order.

        Raises:
            TypeError: a name is missing, unknown or of another type than the header says.
        """
        if set(arguments) != set(self.header.arguments):
            raise TypeError(f"{self.header.name} takes {', '.join(self.header.arguments)}")
        ordered: list[str | bytes | int] = []
        for name, kind in self.header.arguments.items():
            value = arguments[name]
            wanted = {"int": int, "bytes": bytes}.get(kind, str)
            values = value if name == self.header.variadic else [value]
            if not isinstance(values, list):
                raise TypeError(f"{self.header.name}: {name} must be a list")
            if any(not isinstance(each, wanted) or isinstance(each, bool) for each in values):
                raise TypeError(f"{self.header.name}: {name} must be {wanted.__name__}")
            ordered += values
        return ordered


def read_header(name: str, text: str) -> Header:
    """Parse the five parts of a header: name and purpose, KEYS, ARGV, RETURNS, guarantee.

    Raises:
        HeaderError: a part is missing or malformed.
    """
    comment = "\n".join(line[2:].strip(" ") for line in _leading_comment(text))
    blocks = [block.strip() for block in comment.split("\n\n") if block.strip()]
    if len(blocks) != PARAGRAPHS:
        raise HeaderError(f"{name}: wants {PARAGRAPHS} paragraphs, has {len(blocks)}")
    title = re.fullmatch(rf"{name}: (.+)", blocks[0], re.DOTALL)
    table = re.fullmatch(r"KEYS(.*?)\nARGV(.*?)\nRETURNS(.*)", blocks[1], re.DOTALL)
    if title is None or table is None:
        raise HeaderError(f"{name}: the header must read '{name}: …', KEYS, ARGV, RETURNS")
    rows = [_rows(part) for part in table.groups()[:2]]
    arguments = {row[0].removesuffix(_VARIADIC): row[1] for row in rows[1]}
    variadic = [row[0].removesuffix(_VARIADIC) for row in rows[1] if row[0].endswith(_VARIADIC)]
    last = [each for each in list(arguments)[-1:] if arguments[each] not in _READ]
    if variadic not in ([], last):
        raise HeaderError(f"{name}: only the last argument can be a list, of text or bytes")
    if unknown := set(arguments.values()) - _TYPES:
        raise HeaderError(f"{name}: unknown argument types {sorted(unknown)}")
    answers = tuple(word.strip() for word in table.group(3).split("|"))
    return Header(
        name=name,
        purpose=" ".join(title.group(1).split()),
        keys=tuple(row[0] for row in rows[0]),
        arguments=arguments,
        answers=answers,
        guarantee=" ".join(blocks[2].split()),
        variadic=variadic[0] if variadic else None,
    )


def script_names() -> Iterator[str]:
    """Name every transition that has a Lua file."""
    for entry in files("callboard.jobs.scripts").iterdir():
        if entry.name.endswith(".lua"):
            yield entry.name.removesuffix(".lua")


@cache
def load(name: str, *, testing: bool = False) -> Script:
    """Read `<name>.lua` and build the source that Redis gets.

    Args:
        name: the file's stem, such as `claim_job`.
        testing: let the key `clock` replace the time of Redis, and keep what `note` is told in the
            stream `history`, if that is there; only tests ask for it.

    Raises:
        HeaderError: the file's header is not right.
        FileNotFoundError: there is no such transition.
    """
    text = _read(f"{name}.lua")
    header = read_header(name, text)
    bindings = [f"local {key} = KEYS[{index}]" for index, key in enumerate(header.keys, 1)]
    for index, (argument, kind) in enumerate(header.arguments.items(), 1):
        one = _READ.get(kind, "ARGV[{}]")
        pattern = "{{unpack(ARGV, {})}}" if argument == header.variadic else one
        bindings.append(f"local {argument} = {pattern.format(index)}")
    source = "".join(
        [
            lua_prelude(),
            "" if name in GROWING | READING else _HEADROOM,
            _TEST_CLOCK if testing else _CLOCK,
            _HISTORY.replace("<name>", name) if testing else _SILENCE,
            *shared_functions(text),
            "\n".join(bindings) + "\n",
            text,
        ]
    )
    return Script(header, source)


def shared_functions(text: str) -> list[str]:
    """Give the sources of the shared functions that `text` calls, each after those it calls."""
    found: dict[str, str] = {}

    def visit(source: str) -> None:
        for name in _shared_names():
            if name not in found and re.search(rf"\b{name}\(", source):
                shared = _read(f"shared/{name}.lua")
                visit(shared.replace(f"function {name}(", ""))
                found[name] = shared

    visit(text)
    return list(found.values())


@cache
def _shared_names() -> tuple[str, ...]:
    entries = (files("callboard.jobs.scripts") / "shared").iterdir()
    return tuple(sorted(e.name.removesuffix(".lua") for e in entries if e.name.endswith(".lua")))


@cache
def _read(path: str) -> str:
    return (files("callboard.jobs.scripts") / path).read_text(encoding="utf-8")


def _leading_comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("--"):
            return
        yield line


def _rows(block: str) -> list[list[str]]:
    rows = [line.split(maxsplit=2) for line in block.strip().splitlines()]
    return [row for row in rows if row and row != ["none"]]
