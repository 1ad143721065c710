"""Load a Lua transition: read its header, put prelude and included modules in front of it."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final, Literal, cast, get_args

from callboard.jobs.keys import lua_prelude
from callboard.jobs.lua_modules import included_modules, listed, shared_functions
from callboard.jobs.statuses import status_prelude

Effect = Literal["reads", "changes", "grows"]
"""What a script does to Redis.

reads: nothing; a Redis that takes no changes runs it, and it never waits for the disk.
changes: it must work although Redis' memory is full, so that jobs can still end.
grows: it may be refused by a full Redis.
"""

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
_TABLE: Final = re.compile(
    r"KEYS(?P<keys>.*?)\nARGV(?P<argv>.*?)\nRETURNS(?P<returns>.*?)"
    r"\nEFFECT(?P<effect>.*?)\nINCLUDES(?P<includes>.*)",
    re.DOTALL,
)
_TYPES: Final = {"str", "bytes", *_READ}
_PYTHON: Final[Mapping[str, type]] = {"int": int, "bytes": bytes}
_VARIADIC: Final = "..."


class HeaderError(ValueError):
    """A Lua file's header lacks a part, or says something that the file does not do."""


class UnknownAnswerError(RuntimeError):
    """A script answered a word that its header does not name."""


@dataclass(frozen=True)
class Header:
    """What the comment on top of a Lua file promises; the loader binds names from it.

    Attributes:
        arguments: their types by name, in order.
        includes: the modules in `shared/` whose functions the file calls.
        variadic: the last one, if that is a list of any length, written `name...`.
    """

    name: str
    purpose: str
    keys: tuple[str, ...]
    arguments: Mapping[str, str]
    answers: tuple[str, ...]
    effect: Effect
    includes: tuple[str, ...]
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
        return self.header.effect == "reads"

    @cached_property
    def digest(self) -> str:
        """Return the name by which Redis knows the source once it has seen it."""
        return hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()

    def check_answer(self, word: str) -> None:
        """Make sure that an answer is one of those in the header.

        Raises:
            UnknownAnswerError: it is not.
        """
        if word not in self.header.answers:
            raise UnknownAnswerError(f"{self.header.name} answered {word!r}")

    def order(self, arguments: Mapping[str, object]) -> list[str | bytes | int]:
        """Put named arguments into ARGV's order.

        Raises:
            TypeError: a name is missing, unknown or of another type than the header says.
        """
        if arguments.keys() != self.header.arguments.keys():
            raise TypeError(f"{self.header.name} takes {', '.join(self.header.arguments)}")
        ordered: list[Any] = []
        for name, kind in self.header.arguments.items():
            value, wanted = arguments[name], _PYTHON.get(kind, str)
            values = value if name == self.header.variadic else [value]
            if not isinstance(values, list):
                raise TypeError(f"{self.header.name}: {name} must be a list")
            for each in values:
                if not isinstance(each, wanted) or isinstance(each, bool):
                    raise TypeError(f"{self.header.name}: {name} must be {wanted.__name__}")
            ordered += values
        return ordered


def read_header(name: str, text: str) -> Header:
    """Parse a header: name and purpose; KEYS, ARGV, RETURNS, EFFECT, INCLUDES; guarantee.

    Raises:
        HeaderError: a part is missing or malformed.
    """
    comment = "\n".join(line[2:].strip(" ") for line in _leading_comment(text))
    blocks = [block.strip() for block in comment.split("\n\n") if block.strip()]
    if len(blocks) != PARAGRAPHS:
        raise HeaderError(f"{name}: wants {PARAGRAPHS} paragraphs, has {len(blocks)}")
    title = re.fullmatch(rf"{name}: (.+)", blocks[0], re.DOTALL)
    table = _TABLE.fullmatch(blocks[1])
    if title is None or table is None:
        raise HeaderError(
            f"{name}: the header must read '{name}: …', KEYS, ARGV, RETURNS, EFFECT, INCLUDES"
        )
    rows = [_rows(table["keys"]), _rows(table["argv"])]
    arguments = {row[0].removesuffix(_VARIADIC): row[1] for row in rows[1]}
    variadic = [row[0].removesuffix(_VARIADIC) for row in rows[1] if row[0].endswith(_VARIADIC)]
    last = [each for each in list(arguments)[-1:] if arguments[each] not in _READ]
    if variadic not in ([], last):
        raise HeaderError(f"{name}: only the last argument can be a list, of text or bytes")
    if unknown := set(arguments.values()) - _TYPES:
        raise HeaderError(f"{name}: unknown argument types {sorted(unknown)}")
    if (effect := table["effect"].strip()) not in get_args(Effect):
        raise HeaderError(f"{name}: EFFECT is one of {', '.join(get_args(Effect))}")
    return Header(
        name=name,
        purpose=" ".join(title.group(1).split()),
        keys=tuple(row[0] for row in rows[0]),
        arguments=arguments,
        answers=tuple(word.strip() for word in table["returns"].split("|")),
        effect=cast("Effect", effect),
        includes=listed(table["includes"]),
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
        HeaderError: the file's header is not right, or an include is missing or unused.
        FileNotFoundError: there is no such transition.
    """
    text = _read(f"{name}.lua")
    header = read_header(name, text)
    bindings = [f"local {key} = KEYS[{index}]" for index, key in enumerate(header.keys, 1)]
    for index, (argument, kind) in enumerate(header.arguments.items(), 1):
        one = _READ.get(kind, "ARGV[{}]")
        pattern = "{{unpack(ARGV, {})}}" if argument == header.variadic else one
        bindings.append(f"local {argument} = {pattern.format(index)}")
    modules = included_modules(name, text, header.includes)
    source = "".join(
        [
            lua_prelude(),
            status_prelude(),
            _HEADROOM if header.effect == "changes" else "",
            _TEST_CLOCK if testing else _CLOCK,
            _HISTORY.replace("<name>", name) if testing else _SILENCE,
            _without_comments(shared_functions(text, modules)),
            "\n".join(bindings) + "\n",
            _without_comments(text),
        ]
    )
    return Script(header, source)


@cache
def _read(path: str) -> str:
    return (files("callboard.jobs.scripts") / path).read_text(encoding="utf-8")


def _without_comments(text: str) -> str:
    return re.sub(r"^ *(?:--.*)?\n", "", text, flags=re.MULTILINE)


def _leading_comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("--"):
            return
        yield line


def _rows(block: str) -> list[list[str]]:
    rows = [line.split(maxsplit=2) for line in block.strip().splitlines()]
    return [row for row in rows if row and row != ["none"]]
