"""The document describes exactly the API."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from callboard.api.description import description_of, named
from callboard.api.openapi.operation_paths import ONE
from tests.api_app import ApiApp
from tests.contract.documents import app_of_contract, document, validator
from tests.system.stack import ROOT

pytestmark = pytest.mark.check


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    made = app_of_contract()
    yield made
    made.close()


def test_every_method_of_every_route_is_described(api_app: ApiApp) -> None:
    left_out = [
        (route.template, method)
        for route in api_app.routes()
        for method in route.roles
        if description_of(route.resource, method) is None
    ]

    assert not left_out


def test_every_operation_has_a_path_of_its_own_in_place_of_the_template(api_app: ApiApp) -> None:
    own = {ONE.replace("{name}", each.name) for each in api_app.registry}
    paths = document()["paths"]

    assert ONE not in paths
    assert all(set(paths[path]) == {"get", "post"} for path in own)


def test_own_operations_come_first_on_the_page(api_app: ApiApp) -> None:
    written = document()
    own = [ONE.replace("{name}", each.name) for each in api_app.registry.listed()]

    # The page groups paths by their first tag, in the order of both.
    assert written["tags"][0]["name"] == "Operations"
    assert list(written["paths"])[: len(own)] == own
    assert {each["tags"][0] for path in own for each in written["paths"][path].values()} == {
        "Operations"
    }


def test_requests_and_answers_have_named_schemas() -> None:
    described = [
        media["schema"]
        for operation in _operations()
        for answer in [*operation["responses"].values(), operation.get("requestBody", {})]
        for media in answer.get("content", {}).values()
    ]

    assert described
    assert all(set(schema) == {"$ref"} for schema in described)


def test_objects_state_whether_they_allow_additional_members() -> None:
    schemas = document()["components"]["schemas"]
    results = re.compile("[A-Za-z]+Result[A-Za-z]*")  # describe the operations' own types
    own = {name: each for name, each in schemas.items() if not results.fullmatch(name)}

    open_ones = {
        name
        for name, schema in own.items()
        for part in _parts(schema)
        if "properties" in part and part.get("additionalProperties") is not False
    }

    assert not open_ones


def test_examples_fit_their_schemas() -> None:
    whole = document()
    bodies = [
        (media["schema"], example["value"])
        for operation in _operations()
        for media in operation.get("requestBody", {}).get("content", {}).values()
        for example in media.get("examples", {}).values()
    ]
    values = [
        (each["schema"], each["example"])
        for each in whole["components"]["parameters"].values()
        if "example" in each
    ]

    wrong = [
        error.message
        for schema, value in [*bodies, *values]
        for error in validator(whole, schema).iter_errors(value)
    ]

    assert bodies
    assert values
    assert not wrong


@pytest.mark.parametrize(
    ("page", "schema"),
    [("receive-callbacks", "Submission"), ("submit-a-batch", "BatchSubmission")],
)
def test_requests_in_the_how_to_fit_their_schemas(page: str, schema: str) -> None:
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    request = json.loads(text.partition("```json\n")[2].partition("```")[0])

    wrong = [each.message for each in validator(document(), named(schema)).iter_errors(request)]

    assert not wrong


def test_a_form_sends_only_fields_that_were_filled_in() -> None:
    whole = document()
    optional = [each for each in whole["components"]["parameters"].values() if not each["required"]]

    sent = [
        each["name"]
        for each in optional
        for place in (each, each["schema"], _resolved(whole, each["schema"]))
        if any(place.get(key) for key in ("example", "examples"))
        # A form invents members of an object without a default; an empty one sends nothing.
        or place.get("default", {}) != {}
        or (place.get("type") == "object" and "default" not in place)
    ]

    assert len(optional) > 10
    assert not sent


def test_operations_have_unique_ids_and_links_refer_to_them() -> None:
    ids = [operation["operationId"] for operation in _operations()]
    links = document()["components"]["links"].values()

    assert len(ids) == len(set(ids))
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]*)*", each) for each in ids)
    assert {link["operationId"] for link in links} <= set(ids)
    assert len(links) > 10


def test_the_document_is_the_same_in_every_process(api_app: ApiApp) -> None:
    other = app_of_contract()

    first = api_app.http.simulate_get("/openapi.json")
    second = other.http.simulate_get("/openapi.json")
    other.close()

    assert first.headers["etag"] == second.headers["etag"]


def test_a_client_with_the_current_document_gets_304(api_app: ApiApp) -> None:
    tag = api_app.http.simulate_get("/openapi.json").headers["etag"]

    again = api_app.http.simulate_get("/openapi.json", headers={"If-None-Match": tag})

    assert again.status_code == 304
    assert not again.content


def test_the_document_names_the_address_of_its_request() -> None:
    api_app = app_of_contract(
        trusted_proxies="127.0.0.1", hosts=("falconframework.org", "jobs.example")
    )
    headers = {"X-Forwarded-Host": "jobs.example", "X-Forwarded-Prefix": "/run"}

    behind = api_app.http.simulate_get("/openapi.json", headers=headers)
    direct = api_app.http.simulate_get("/openapi.json")
    api_app.close()

    assert behind.json["servers"][0]["url"] == "http://jobs.example/run"
    assert direct.json["servers"][0]["url"] == "http://falconframework.org"
    assert behind.headers["etag"] != direct.headers["etag"]


def test_the_document_requires_keys_only_while_the_server_does() -> None:
    guarded = app_of_contract(api_keys=f"t:client:{'0' * 64}")

    with_keys = guarded.http.simulate_get("/openapi.json").json
    without = document()
    guarded.close()

    assert with_keys["security"] == [{"bearer": []}, {"apiKey": []}]
    assert set(with_keys["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    assert without["security"] == [{}]
    assert "securitySchemes" not in without["components"]
    assert all("`X-API-Key: <key>`" in each["info"]["description"] for each in (with_keys, without))
    assert with_keys["paths"]["/healthz"]["get"]["security"] == []


def test_the_description_links_to_the_problems_and_never_to_the_page_itself() -> None:
    whole = document()
    problems = f"{whole['servers'][0]['url']}/problems"

    assert f"({problems})" in whole["info"]["description"]
    assert whole["info"]["contact"]["url"] == problems


def _operations() -> list[dict[str, Any]]:
    return [each for path in document()["paths"].values() for each in path.values()]


def _resolved(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = whole["components"]["schemas"].get(
        schema.get("$ref", "").rpartition("/")[2], {}
    )
    return found


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _parts(value)
