"""Every Lua file has a header, and its code agrees with it."""

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from callboard.jobs.keys import CHANNELS, TEMPLATES
from callboard.jobs.lua_modules import (
    ALWAYS,
    IncludeError,
    check_includes,
    included_modules,
    module_names,
    read_module,
)
from callboard.jobs.script import (
    HeaderError,
    UnknownAnswerError,
    load,
    read_header,
    script_names,
)
from callboard.jobs.statuses import STATUSES

pytestmark = pytest.mark.check

SCRIPTS = files("callboard.jobs.scripts")
NAMES = sorted(script_names())
MODULES = module_names()
PATHS = [f"{name}.lua" for name in NAMES] + [f"shared/{name}.lua" for name in MODULES]

HEADER = """-- end_all: end all jobs.
--
-- KEYS     job_system  hash  all of it
-- ARGV     none
-- RETURNS  ended | spared
-- EFFECT   changes
-- INCLUDES job, slot
--
-- It ends once.
"""


def read(path: str) -> str:
    return (SCRIPTS / path).read_text(encoding="utf-8")


def code(path: str) -> str:
    return re.sub(r"--.*", "", read(path))


def body_of(function: str) -> str:
    (home,) = [name for name in MODULES if function in read_module(name).functions]
    _, _, rest = code(f"shared/{home}.lua").partition(f"local function {function}(")
    return rest.partition("\nend\n")[0]


def reached_from(name: str) -> set[str]:
    """Every shared function that a script calls, directly or through others."""
    functions = {each for module in MODULES for each in read_module(module).functions}
    reached: set[str] = set()
    texts = [code(f"{name}.lua")]
    while texts:
        called = functions.intersection(re.findall(r"\b(\w+)\(", texts.pop())) - reached
        reached |= called
        texts += [body_of(each) for each in called]
    return reached


@pytest.mark.parametrize("name", NAMES)
def test_every_transition_has_all_parts_of_a_header(name: str) -> None:
    header = read_header(name, read(f"{name}.lua"))

    assert header.purpose.endswith(".")
    assert header.guarantee.endswith(".")
    assert len(header.keys) == 1, "KEYS[1] routes; other keys come from the prelude"
    assert all(header.answers)


@pytest.mark.parametrize("name", NAMES)
def test_a_scripts_answers_are_the_words_of_its_header(name: str) -> None:
    text = code(f"{name}.lua")
    calls = re.findall(r"answer\(((?:[^()]|\([^()]*\))*)\)", text)
    first = [re.split(r",(?![^(]*\))", call)[0] for call in calls]
    called = {one for argument in first for one in re.findall(r"^(\w+)\(", argument)}
    for word in {argument for argument in first if argument.isidentifier()}:
        called |= set(re.findall(rf"\blocal {word}\b[^=\n]*= (\w+)\(", text))
    for shared in called:
        first += re.findall(r"\breturn ([^,\n]+)", body_of(shared))
    said = {word for argument in first for word in re.findall(r"'([a-z_]+)'", argument)}

    assert said == set(read_header(name, read(f"{name}.lua")).answers)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_and_argument_of_a_header_is_used(name: str) -> None:
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
def test_every_lua_file_has_at_most_eighty_lines_or_says_why(path: str) -> None:
    text = read(path)

    assert len(text.splitlines()) <= 80 or re.search(r"^-- long: \S", text, re.MULTILINE)


@pytest.mark.parametrize("path", PATHS)
def test_every_name_is_local(path: str) -> None:
    text = code(path)
    declared = re.findall(r"\blocal (?:function )?(\w+(?:, *\w+)*)", text)
    looped = re.findall(r"\bfor (\w+(?:, *\w+)*) (?:=|in)", text)
    parameters = re.findall(r"\bfunction \w*\(([^)]*)\)", text)
    known = {name for group in declared + looped + parameters for name in re.split(r", *", group)}

    # A line that ends with a comma is a member of a table.
    assigned = set(re.findall(r"^\s*(\w+) = .*(?<!,)$", text, re.MULTILINE))

    assert assigned <= known


@pytest.mark.parametrize("name", MODULES)
def test_a_module_states_what_its_functions_are_about(name: str) -> None:
    module = read_module(name)

    assert module.text.startswith(f"-- {name}: ")
    assert module.functions


@pytest.mark.parametrize("name", MODULES)
def test_a_module_includes_what_it_calls_and_nothing_else(name: str) -> None:
    module = read_module(name)

    assert "\n-- INCLUDES " in module.text
    check_includes(name, module.text, module.includes)


def test_no_two_modules_have_a_function_of_one_name() -> None:
    functions = [function for name in MODULES for function in read_module(name).functions]

    assert len(functions) == len(set(functions))


@pytest.mark.parametrize(
    "function", [each for name in MODULES for each in read_module(name).functions]
)
def test_every_shared_function_is_called_somewhere(function: str) -> None:
    calls = [len(re.findall(rf"\b{function}\(", code(path))) for path in PATHS]

    assert sum(calls) > 1, "its definition alone"


@pytest.mark.parametrize("name", NAMES)
def test_a_module_comes_after_those_that_it_includes(name: str) -> None:
    modules = included_modules(name, read(f"{name}.lua"), load(name).header.includes)

    assert modules[0] == ALWAYS
    for index, module in enumerate(modules):
        assert set(read_module(module).includes) <= set(modules[:index])


@pytest.mark.parametrize("name", MODULES)
def test_a_function_comes_after_those_of_its_module_that_it_calls(name: str) -> None:
    module, text = read_module(name), code(f"shared/{name}.lua")

    for function in module.functions:
        defined = text.index(f"local function {function}(")
        assert min(call.start() for call in re.finditer(rf"\b{function}\(", text)) >= defined


@pytest.mark.parametrize(
    ("text", "includes", "complaint"),
    [
        ("if limit_of(slot) then", (), "calls slot and does not include it"),
        ("return answer('done')", ("slot",), "includes slot and does not call it"),
        ("-- limit_of(slot)", ("slot",), "includes slot and does not call it"),
        ("return answer('done')", ("slots",), "no module slots"),
    ],
)
def test_an_include_that_is_missing_or_unused_is_refused(
    text: str, includes: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(IncludeError, match=complaint):
        check_includes("end_all", text, includes)


def test_a_circular_include_is_refused() -> None:
    with pytest.raises(IncludeError, match=r"^record includes blocked includes record$"):
        included_modules("record", "if unblock_next(slot) then", ["blocked"])


@pytest.mark.parametrize(
    ("text", "includes"), [("if limit_of(slot) then", ()), ("return answer('done')", ("slot",))]
)
def test_includes_are_checked_before_modules_are_put_in_front(
    text: str, includes: tuple[str, ...]
) -> None:
    with pytest.raises(IncludeError, match="end_all"):
        included_modules("end_all", text, includes)


def test_only_functions_that_a_script_calls_are_sent() -> None:
    assert "function count_rate(" not in load("recover_job").source
    assert "function limit_of(" in load("claim_job").source
    assert "function limit_of(" not in load("read_log").source
    assert "-- " not in load("claim_job").source


def test_an_answer_that_the_header_does_not_name_is_refused() -> None:
    script = replace(load("cancel_job"), header=read_header("end_all", HEADER))

    script.check_answer("spared")
    with pytest.raises(UnknownAnswerError, match="end_all answered 'cancelled'"):
        script.check_answer("cancelled")


@pytest.mark.parametrize("path", PATHS)
def test_no_lua_file_spells_a_set_of_statuses(path: str) -> None:
    words = "|".join(STATUSES)

    assert not re.search(rf"\{{\s*'(?:{words})'\s*,\s*'(?:{words})'", code(path))
    assert not re.search(rf"status == '(?:{words})' or \S+ == '(?:{words})'", code(path))


def test_only_scripts_that_keep_something_new_may_be_refused_by_a_full_redis() -> None:
    effects = {name: load(name).header.effect for name in NAMES}
    spared = {name for name in NAMES if "redis.call('DEL', key_headroom())" in load(name).source}

    assert {name for name, effect in effects.items() if effect == "grows"} == {
        *("submit_job", "submit_batch", "recover_job"),
        *("put_schedule", "reserve_file", "keep_orphan", "save_state", "try_store"),
    }
    assert spared == {name for name, effect in effects.items() if effect == "changes"}


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).header.effect == "reads"])
def test_a_script_that_only_reads_calls_nothing_that_writes(name: str) -> None:
    text = code(f"{name}.lua") + "".join(body_of(each) for each in reached_from(name))
    called = set(re.findall(r"redis\.call\(\s*'(\w+)'", text))

    assert called <= {
        *("TIME", "HGET", "HMGET", "HGETALL", "LRANGE", "LLEN", "ZRANGE"),
        *("SCARD", "ZCARD", "ZCOUNT", "ZRANK", "ZREVRANGE", "ZMSCORE"),
    }
    assert called


@pytest.mark.parametrize("name", NAMES)
def test_only_tests_can_replace_the_clock(name: str) -> None:
    assert "GET', key_clock()" not in load(name).source
    assert "GET', key_clock()" in load(name, testing=True).source


@pytest.mark.parametrize("name", NAMES)
def test_only_tests_can_have_the_history_written(name: str) -> None:
    assert "'XADD', key_history()" not in load(name).source
    assert "'XADD', key_history()" in load(name, testing=True).source


def test_a_header_is_read_into_its_parts() -> None:
    header = read_header("end_all", HEADER)

    assert header.purpose == "end all jobs."
    assert (header.keys, dict(header.arguments)) == (("job_system",), {})
    assert header.answers == ("ended", "spared")
    assert (header.effect, header.includes) == ("changes", ("job", "slot"))
    assert header.guarantee == "It ends once."


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("end_all", "end_day"),
        ("-- RETURNS  ended | spared\n", ""),
        ("-- ARGV     none\n", ""),
        ("-- EFFECT   changes\n", ""),
        ("EFFECT   changes", "EFFECT   breaks"),
        ("-- INCLUDES job, slot\n", ""),
        ("--\n-- It ends once.\n", ""),
        ("ARGV     none", "ARGV     when  float"),
        ("ARGV     none", "ARGV     days...  json"),
        ("ARGV     none", "ARGV     days...  str\n--          hour  str"),
    ],
)
def test_a_header_that_lacks_a_part_is_refused(there: str, instead: str) -> None:
    with pytest.raises(HeaderError, match="end_all"):
        read_header("end_all", HEADER.replace(there, instead))


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
    header = read_header("end_all", HEADER.replace("none", "hour  int\n--          days...  str"))
    script = replace(load("cancel_job"), header=header)

    assert (header.arguments, header.variadic) == ({"hour": "int", "days": "str"}, "days")
    assert script.order({"hour": 1, "days": ["a", "b"]}) == [1, "a", "b"]
    assert script.order({"hour": 1, "days": []}) == [1]
    for wrong in ("ab", [1], [True]):
        with pytest.raises(TypeError, match="days"):
            script.order({"hour": 1, "days": wrong})


def test_a_script_gets_its_list_as_a_table_of_the_remaining_arguments() -> None:
    assert "local params = {unpack(ARGV, 9)}" in load("submit_batch").source
