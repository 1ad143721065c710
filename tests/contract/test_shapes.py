"""Client generators accept the document, whatever the types of parameters and results."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from callboard.jobs.registry import Registry, discover
from tests.api_app import ApiApp
from tests.contract import node
from tests.contract.shapes import MANY

check = pytest.mark.check


@cache
def shapes(*, many: bool = True) -> dict[str, Any]:
    found = discover(["tests.contract.shapes"])
    api_app = ApiApp(registry=found if many else Registry(set(found) - set(MANY)))
    try:
        document: dict[str, Any] = api_app.http.simulate_get("/openapi.json").json
        return document
    finally:
        api_app.close()


@check
def test_every_reference_resolves_including_those_of_discriminators() -> None:
    whole = shapes()

    assert set(_references(whole)) <= {
        f"#/components/{section}/{name}"
        for section, members in whole["components"].items()
        for name in members
    }


@check
def test_a_discriminator_maps_each_value_to_its_schema() -> None:
    schemas = shapes()["components"]["schemas"]

    mapping = schemas["RehomeParameters"]["properties"]["pet"]["discriminator"]["mapping"]

    assert set(mapping) == {"cat", "dog", "wolf", "parrot"}
    for value, place in mapping.items():
        kind = schemas[place.rpartition("/")[2]]["properties"]["kind"]
        assert value in kind.get("enum", [kind.get("const")])


@check
def test_members_named_like_schema_keywords_are_kept() -> None:
    schemas = shapes()["components"]["schemas"]

    assert set(schemas["EntitleTitled"]["properties"]) == {
        "title",
        "default",
        "enum",
        "discriminator",
    }
    mapping = schemas["EntitleParameters"]["properties"]["thing"]["discriminator"]["mapping"]
    assert set(mapping) == {"title", "other"}


@check
def test_no_two_schemas_have_names_that_generators_confuse() -> None:
    names = list(shapes()["components"]["schemas"])

    spelt = [re.sub("[^a-z0-9]", "", name.lower()) for name in names]

    assert len(set(spelt)) == len(names)


@check
def test_no_operation_overwrites_a_schema_of_the_server() -> None:
    schemas = shapes()["components"]["schemas"]

    assert set(schemas["BatchSubmission"]["properties"]) >= {"items", "callback", "labels"}
    assert set(schemas["FileForm"]["properties"]) == {"file"}
    assert "operation" in schemas["BatchOperationSubmission"]["properties"]
    assert set(schemas["LargeParameters"]["properties"]) == {"samples", "inner"}
    assert set(schemas["LargeParametersType"]["properties"]) == {"depth"}


@check
def test_no_two_methods_have_one_id() -> None:
    found = [each["operationId"] for path in shapes()["paths"].values() for each in path.values()]

    assert len({each.lower() for each in found}) == len(found)


@check
def test_the_document_is_valid_openapi() -> None:
    validate(shapes(many=False))  # it takes its time


def test_openapi_typescript_generates_types_that_compile(tools: Path, tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(shapes()), "utf-8")
    (tmp_path / "use.ts").write_text(_USE, "utf-8")

    options = ("--default-non-nullable=false", "-o", "api.ts")
    made = node.run(tools / "openapi-typescript", "openapi.json", *options, cwd=tmp_path)
    checked = node.run(
        tools / "tsc", "--noEmit", "--strict", "--skipLibCheck", "use.ts", cwd=tmp_path
    )

    assert made.returncode == 0, made.stderr
    assert checked.returncode == 0, checked.stdout


_USE = """\
import type { components } from "./api";
type Schemas = components["schemas"];
const pet: Schemas["RehomeParameters"] = { pet: { kind: "cat", lives: 9 } };
const tree: Schemas["ClimbTree"] = { name: "a", children: [{ name: "b", children: [] }] };
const size: Schemas["MixSize"] = { width: 1, height: 2 };
// @ts-expect-error - no pet is a fish
const fish: Schemas["RehomeParameters"] = { pet: { kind: "fish" } };
export const used = [pet, tree, size, fish];
"""


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        mapping = value.get("discriminator")
        if isinstance(mapping, dict) and "propertyName" in mapping:
            yield from mapping.get("mapping", {}).values()
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
