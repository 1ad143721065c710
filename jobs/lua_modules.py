"""Find the modules of shared Lua that a file includes: each once, after what it includes itself."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

ALWAYS: Final = "answer"
"""The module that every script has without including it."""

_FUNCTION: Final = re.compile(r"^local function (\w+)\(", re.MULTILINE)
_AFTER_FUNCTION: Final = re.compile(r"(?<=^end\n)", re.MULTILINE)
_CALL: Final = re.compile(r"\b(\w+)\(")
_INCLUDES: Final = re.compile(r"^-- INCLUDES +(.+)$", re.MULTILINE)


class IncludeError(ValueError):
    """A Lua file calls what it does not include, includes what it does not call, or itself."""


@dataclass(frozen=True)
class Module:
    """A file in `shared/`: local functions of one concept.

    Attributes:
        includes: other modules whose functions it calls.
    """

    name: str
    text: str
    functions: tuple[str, ...]
    includes: tuple[str, ...]


@cache
def read_module(name: str) -> Module:
    """Read one module.

    Raises:
        IncludeError: its header names no includes.
        FileNotFoundError: there is no such module.
    """
    path = files("callboard.jobs.scripts") / "shared" / f"{name}.lua"
    text = path.read_text(encoding="utf-8")
    if (found := _INCLUDES.search(text)) is None:
        raise IncludeError(f"{name}: the header has no INCLUDES")
    return Module(name, text, tuple(_FUNCTION.findall(text)), listed(found[1]))


@cache
def module_names() -> tuple[str, ...]:
    """Name every module."""
    entries = (files("callboard.jobs.scripts") / "shared").iterdir()
    return tuple(sorted(e.name.removesuffix(".lua") for e in entries if e.name.endswith(".lua")))


def listed(text: str) -> tuple[str, ...]:
    """Split a list in a header; `none` is an empty one."""
    words = tuple(word.strip() for word in text.split(","))
    return () if words == ("none",) else words


def included_modules(name: str, text: str, includes: Collection[str]) -> tuple[str, ...]:
    """Name the modules to put in front of a file, in order.

    Raises:
        IncludeError: of the file or a module, an include is missing or unused, or leads back.
    """
    found: dict[str, None] = {ALWAYS: None}

    def visit(each: str, above: tuple[str, ...]) -> None:
        if each in above:
            raise IncludeError(f"{' includes '.join((*above, each))}")
        if each not in found:
            module = read_module(each)
            check_includes(each, module.text, module.includes)
            for one in module.includes:
                visit(one, (*above, each))
            found[each] = None

    check_includes(name, text, includes)
    for each in includes:
        visit(each, (name,))
    return tuple(found)


def shared_functions(text: str, modules: Collection[str]) -> str:
    """Write those functions of modules that a file reaches, each after those it calls.

    Every function that is there costs each call of a script a little, so no other is sent.
    """
    pieces = [piece for name in modules for piece in _pieces(name)]
    kept, called = list[str](), set(_called(text))
    for functions, piece in reversed(pieces):
        if called & functions:
            kept.append(piece)
            called.update(_called(piece))
    return "".join(reversed(kept))


@cache
def _pieces(module: str) -> Sequence[tuple[frozenset[str], str]]:
    pieces = _AFTER_FUNCTION.split(read_module(module).text)
    return [(frozenset(_FUNCTION.findall(piece)), piece) for piece in pieces]


def check_includes(name: str, text: str, includes: Collection[str]) -> None:
    """Make sure that a file includes just the modules whose functions it calls.

    Raises:
        IncludeError: an include is missing, unused or unknown.
    """
    if unknown := set(includes) - set(module_names()):
        raise IncludeError(f"{name}: there is no module {', '.join(sorted(unknown))}")
    homes = _homes()
    called = {homes[function] for function in _called(text) if function in homes}
    called -= {name, ALWAYS}
    if missing := called - set(includes):
        raise IncludeError(f"{name}: calls {', '.join(sorted(missing))} and does not include it")
    if unused := set(includes) - called:
        raise IncludeError(f"{name}: includes {', '.join(sorted(unused))} and does not call it")


@cache
def _homes() -> Mapping[str, str]:
    modules = [read_module(name) for name in module_names()]
    return {function: module.name for module in modules for function in module.functions}


@cache
def _called(text: str) -> Collection[str]:
    return frozenset(_CALL.findall(re.sub(r"--.*", "", text)))
