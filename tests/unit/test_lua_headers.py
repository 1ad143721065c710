"""Every Lua file says what it does, and does what it says."""

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from callboard.jobs.keys import CHANNELS, TEMPLATES
from callboard.jobs.script import (
    GROWING,
    READING,
    HeaderError,
    load,
    read_header,
    script_names,
    shared_functions,
)

pytestmark = pytest.mark.check

SCRIPTS = files("callboard.jobs.scripts")
NAMES = sorted(script_names())
SHARED = sorted(
    entry.name.removesuffix(".lua")
    for entry in (SCRIPTS / "shared").iterdir()
    if entry.name.endswith(".lua")
)
PATHS = [f"{name}.lua" for name in NAMES] + [f"shared/{name}.lua" for name in SHARED]

HEADER = """-- end_world: end the world.
--
-- KEYS     world  hash  all of it
-- ARGV     none
-- RETURNS  ended | spared
--
-- It ends once.
"""


def read(path: str) -> str:
    return (SCRIPTS / path).read_text(encoding="utf-8")


def code(path: str) -> str:
    return re.sub(r"--.*", "", read(path))


@pytest.mark.parametrize("name", NAMES)
def test_every_transition_has_the_five_parts_of_a_header(name: str) -> None:
    header = read_header(name, read(f"{name}.lua"))

    assert header.purpose.endswith(".")
    assert header.guarantee.endswith(".")
    assert len(header.keys) == 1, "KEYS[1] routes; other keys come from the prelude"
    assert all(header.answers)


@pytest.mark.parametrize("name", NAMES)
def test_the_words_of_the_header_are_the_words_that_are_answered(name: str) -> None:
    calls = re.findall(r"answer\(((?:[^()]|\([^()]*\))*)\)", code(f"{name}.lua"))
    first = [re.split(r",(?![^(]*\))", call)[0] for call in calls]
    for shared in {one for argument in first for one in re.findall(r"^(\w+)\(", argument)}:
        first += re.findall(r"\breturn ([^,\n]+)", code(f"shared/{shared}.lua"))
    said = {word for argument in first for word in re.findall(r"'([a-z_]+)'", argument)}

    assert said == set(read_header(name, read(f"{name}.lua")).answers)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_and_argument_of_the_header_is_used(name: str) -> None:
    header, text = read_header(name, read(f"{name}.lua")), code(f"{name}.lua")

    bound = [*header.keys, *header.arguments]

    # The record's key routes the call even where only the shared functions touch it.
    unused = {word for word in bound if not re.search(rf"\b{word}\b", text)}
    assert unused <= {"record"}


@pytest.mark.parametrize("path", PATHS)
def test_every_key_function_and_channel_is_spelled_in_the_table(path: str) -> None:
    text = code(path)

    assert set(re.findall(r"\bkey_(\w+)\(", text)) <= set(TEMPLATES)
    assert set(re.findall(r"\bchannel_(\w+)", text)) <= set(CHANNELS)


@pytest.mark.parametrize("path", PATHS)
def test_no_script_spells_a_key_or_reads_the_clock_by_itself(path: str) -> None:
    text = code(path)

    assert "KEYS[" not in text
    assert "ARGV[" not in text
    assert "'TIME'" not in text
    assert not re.search(r"'(?:KEYS|SCAN|cmsgpack)'", text)


@pytest.mark.parametrize("path", PATHS)
def test_every_lua_file_has_at_most_eighty_lines(path: str) -> None:
    assert len(read(path).splitlines()) <= 80


@pytest.mark.parametrize("path", PATHS)
def test_every_name_is_local(path: str) -> None:
    text = code(path)
    declared = re.findall(r"\blocal (?:function )?(\w+(?:, *\w+)*)", text)
    looped = re.findall(r"\bfor (\w+(?:, *\w+)*) (?:=|in)", text)
    parameters = re.findall(r"\bfunction \w*\(([^)]*)\)", text)
    known = {name for group in declared + looped + parameters for name in re.split(r", *", group)}

    # What ends with a comma is a member of a table.
    assigned = set(re.findall(r"^\s*(\w+) = .*(?<!,)$", text, re.MULTILINE))

    assert assigned <= known


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_file_is_one_function_that_has_the_name_of_the_file(name: str) -> None:
    functions = re.findall(r"^local function (\w+)\(", read(f"shared/{name}.lua"), re.MULTILINE)

    assert functions == [name]


@pytest.mark.parametrize("name", SHARED)
def test_every_shared_function_is_called_by_some_transition(name: str) -> None:
    callers = [one for one in NAMES if f"local function {name}(" in load(one).source]

    assert callers


@pytest.mark.parametrize("name", NAMES)
def test_a_shared_function_comes_after_those_that_it_calls(name: str) -> None:
    sources = shared_functions(read(f"{name}.lua"))
    defined: set[str] = set()

    for source in sources:
        (own,) = re.findall(r"^local function (\w+)\(", source, re.MULTILINE)
        text = re.sub(r"--.*", "", source)
        called = {one for one in SHARED if re.search(rf"\b{one}\(", text)} - {own}
        assert called <= defined
        assert "woken" not in text or own == "answer" or "answer" in defined
        defined.add(own)


def test_only_scripts_that_make_jobs_may_be_refused_by_a_full_redis() -> None:
    first_write = {name: "redis.call('DEL', key_headroom())" in load(name).source for name in NAMES}

    assert {
        *("submit_job", "submit_batch", "recover_job"),
        *("put_schedule", "reserve_file", "keep_orphan", "try_store"),
    } == GROWING
    assert {name for name, spared in first_write.items() if not spared} == GROWING | READING


@pytest.mark.parametrize("name", sorted(READING))
def test_a_script_that_only_reads_calls_nothing_that_writes(name: str) -> None:
    called = set(re.findall(r"redis\.call\(\s*'(\w+)'", load(name).source))

    assert called <= {
        *("TIME", "HGET", "HMGET", "HGETALL", "LRANGE", "LLEN", "ZRANGE"),
        *("SCARD", "ZCARD", "ZCOUNT", "ZRANK", "ZREVRANGE", "ZMSCORE"),
    }
    assert called >= {"TIME"}


@pytest.mark.parametrize("name", NAMES)
def test_only_tests_can_replace_the_clock(name: str) -> None:
    assert "GET', key_clock()" not in load(name).source
    assert "GET', key_clock()" in load(name, testing=True).source


@pytest.mark.parametrize("name", NAMES)
def test_only_tests_can_have_the_history_written(name: str) -> None:
    assert "'XADD', key_history()" not in load(name).source
    assert "'XADD', key_history()" in load(name, testing=True).source


def test_a_header_is_read_into_its_parts() -> None:
    header = read_header("end_world", HEADER)

    assert header.purpose == "end the world."
    assert (header.keys, dict(header.arguments)) == (("world",), {})
    assert header.answers == ("ended", "spared")
    assert header.guarantee == "It ends once."


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("end_world", "end_day"),
        ("-- RETURNS  ended | spared\n", ""),
        ("-- ARGV     none\n", ""),
        ("--\n-- It ends once.\n", ""),
        ("ARGV     none", "ARGV     when  float"),
        ("ARGV     none", "ARGV     days...  json"),
        ("ARGV     none", "ARGV     days...  str\n--          hour  str"),
    ],
)
def test_a_header_that_lacks_a_part_is_refused(there: str, instead: str) -> None:
    with pytest.raises(HeaderError, match="end_world"):
        read_header("end_world", HEADER.replace(there, instead))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"job_id": "1", "surplus": "2"},
        {"job_id": 1},
        {"job_id": True},
        {"job_id": None},
    ],
)
def test_arguments_that_the_header_does_not_name_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="cancel_job"):
        load("cancel_job").order(arguments)


def test_the_last_argument_may_be_a_list_of_any_length() -> None:
    header = read_header("end_world", HEADER.replace("none", "hour  int\n--          days...  str"))
    script = replace(load("cancel_job"), header=header)

    assert (header.arguments, header.variadic) == ({"hour": "int", "days": "str"}, "days")
    assert script.order({"hour": 1, "days": ["a", "b"]}) == [1, "a", "b"]
    assert script.order({"hour": 1, "days": []}) == [1]
    for wrong in ("ab", [1], [True]):
        with pytest.raises(TypeError, match="days"):
            script.order({"hour": 1, "days": wrong})


def test_a_script_gets_its_list_as_a_table_of_what_is_left() -> None:
    assert "local params = {unpack(ARGV, 9)}" in load("submit_batch").source
