"""Keys are spelled once, for Python and Lua alike, and stay within their namespace."""

from fnmatch import fnmatchcase

import pytest
from fakeredis import FakeRedis, FakeServer

from callboard.jobs.keys import CHANNELS, PERMANENT, TEMPLATES, Keys, lua_prelude

pytestmark = pytest.mark.check

WITH_A_TTL = {
    *("idempotency", "rate", "submission_rate", "confirmation", "trial", "worker", "leader"),
    *("headroom", "threads"),
}


def parts_of(name: str) -> list[str]:
    return [f"part{index}" for index in range(TEMPLATES[name].count("<"))]


def test_a_key_starts_with_its_namespace_as_a_hash_tag() -> None:
    assert Keys("callboard")("job", "1") == "{callboard}:job:1"
    assert Keys("callboard").channel("events") == "{callboard}:events"


@pytest.mark.parametrize("name", TEMPLATES)
def test_lua_spells_each_key_as_python_does(name: str) -> None:
    keys, parts = Keys("cell-1"), parts_of(name)
    arguments = ", ".join(f"ARGV[{index}]" for index in range(1, len(parts) + 1))
    client = FakeRedis(server=FakeServer(version=(7, 2)), protocol=2)

    spelled = client.eval(f"{lua_prelude()} return key_{name}({arguments})", 1, keys("due"), *parts)

    assert spelled.decode() == keys(name, *parts)


@pytest.mark.parametrize("name", CHANNELS)
def test_lua_spells_each_channel_as_python_does(name: str) -> None:
    keys = Keys("cell-1")
    client = FakeRedis(server=FakeServer(version=(7, 2)), protocol=2)

    spelled = client.eval(f"{lua_prelude()} return channel_{name}", 1, keys("due"))

    assert spelled.decode() == keys.channel(name)


def test_parts_are_put_in_their_order() -> None:
    spelled = Keys("n")("unique", "lab", "clustering", "0af")

    assert spelled == "{n}:unique:lab:clustering:0af"


def test_a_part_that_looks_like_a_placeholder_is_unchanged() -> None:
    assert Keys("n")("unique", "<operation>", r"\1", "f") == r"{n}:unique:<operation>:\1:f"


@pytest.mark.parametrize("parts", [[], ["1", "2"]])
def test_a_wrong_number_of_parts_is_an_error(parts: list[str]) -> None:
    with pytest.raises(ValueError, match="job:<id>"):
        Keys("n")("job", *parts)


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        Keys("n")("jobs")


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_key_is_listed_as_permanent_or_expires(name: str) -> None:
    spelled = Keys("n")(name, *parts_of(name)).partition("}:")[2]

    permanent = any(fnmatchcase(spelled, pattern) for pattern in PERMANENT)

    assert permanent != (name in WITH_A_TTL)


def test_no_two_keys_have_the_same_spelling() -> None:
    keys = Keys("n")
    spelled = [keys(name, *parts_of(name)) for name in TEMPLATES]

    assert len(set(spelled)) == len(spelled)
