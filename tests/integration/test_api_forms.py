"""Jobs submitted with their files in one form."""

import json
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

import pytest
from falcon import testing
from pydantic import BaseModel

from callboard import File, operation
from callboard.jobs.files.records import list_files
from callboard.jobs.purge import purge
from callboard.jobs.registry import Registry
from tests.api_app import ApiApp
from tests.forms import FORM, form, part

CSV = b"a,b\n1,2\n"
PATH = "/v1/operations/digest"


@operation(max_active=3)
def digest(
    table: File["text/*", "1KiB"],  # type: ignore[type-arg,valid-type,name-defined]  # noqa: F722
    notes: list[File] = [],  # noqa: B006 — never changed
    *,
    title: str = "",
) -> str:
    """Accept files."""
    return f"{table}{notes}{title}"


@operation
def plain(a: int) -> int:
    """Accept no files."""
    return a


class Colour(Enum):
    """An enumeration."""

    RED = "red"
    THREE = 3


class Point(BaseModel):
    """A nested model."""

    x: float


@operation
def typed(  # noqa: PLR0913, PLR0917 — one of each
    number: int = 0,
    amount: float = 0.0,
    text: str = "",
    optional: int | None = None,
    either: int | str = 0,
    flag: bool = False,
    colour: Colour = Colour.RED,
    word: Literal["a", 1, True] = "a",
    numbers: list[int] = [],  # noqa: B006 — never changed
    texts: list[str] | None = None,
    point: Point | None = None,
    anything: Any = None,
    files: list[File] = [],  # noqa: B006 — never changed
) -> None:
    """Accept all kinds of fields."""


@operation(unique=True)
def single(table: File) -> str:
    """Process each file once at a time."""
    return table.name


@pytest.fixture
def api_app() -> Iterator[ApiApp]:
    built = ApiApp(registry=Registry([digest, plain, single, typed]))
    yield built
    built.close()


def submit(api_app: ApiApp, *parts: bytes, path: str = PATH, **more: Any) -> testing.Result:
    headers = {**FORM, **more.pop("headers", {})}
    return api_app.http.simulate_post(path, body=form(*parts), headers=headers, **more)


def table(body: bytes = CSV) -> bytes:
    return part("table", body, filename="t.csv", media_type="text/csv")


def params(**values: Any) -> bytes:
    return part("params", json.dumps(values).encode(), media_type="application/json")


def kept(api_app: ApiApp) -> list[str]:
    return [file.name for file in list_files(api_app.store, tenant="default", most=100).files]


def test_a_form_submits_a_job_that_holds_its_files(api_app: ApiApp) -> None:
    notes = [part("notes", b"x", filename=name) for name in ("one.txt", "two.txt")]

    answer = submit(
        api_app, notes[0], params(title="T"), table(), notes[1], params={"priority": "9"}
    )

    assert answer.status_code == 202
    assert answer.json["priority"] == 9
    assert sorted(kept(api_app)) == ["one.txt", "t.csv", "two.txt"]
    (message,) = api_app.publisher.published
    sent = message.submission.params
    assert (sent["title"], len(sent["notes"]), len(message.submission.files)) == ("T", 2, 3)
    assert set(message.submission.files) == {sent["table"], *sent["notes"]}
    deletion = api_app.http.simulate_delete(f"/v1/files/{sent['table']}")
    assert deletion.status_code == 409
    assert deletion.json["type"].endswith("/problems/file-in-use")
    api_app.succeed(answer.json["id"], "done")
    purge(api_app.store, answer.json["id"])
    assert api_app.http.simulate_delete(f"/v1/files/{sent['table']}").status_code == 204


def test_without_other_parameters_a_form_has_only_files(api_app: ApiApp) -> None:
    assert submit(api_app, table()).status_code == 202


@pytest.mark.parametrize(
    ("parts", "problem", "pointer"),
    [
        ((), (422, "invalid-parameters"), "/table"),
        ((params(title=1), table()), (422, "invalid-parameters"), "/title"),
        ((params(title="a"), params(title="b"), table()), (422, "invalid-request"), "/params"),
        ((table(), table()), (422, "invalid-request"), "/table"),
        ((table(), part("other", b"x", filename="a")), (422, "invalid-request"), "/other"),
        ((table(), part("a/b", b"x")), (422, "invalid-request"), "/a~1b"),
        ((table(), params(table="x")), (422, "invalid-request"), "/table"),
        ((table(), part("params", b"[1]")), (422, "invalid-request"), ""),
        ((table(), part("params", b"{")), (400, "malformed-body"), None),
        ((table(), part("params", b"[" * 100)), (400, "malformed-body"), None),
        ((table(), part("params", b" " * 1_100_000)), (413, "body-too-large"), None),
        ((table(b"x" * 1025),), (413, "file-too-large"), None),
        ((table(b"%PDF-1.7"),), (415, "file-type-not-accepted"), None),
        (
            (part("table", b"\x89PNG\r\n\x1a\n", filename="a"),),
            (415, "file-type-not-accepted"),
            None,
        ),
        ((*[part("notes", b"x", filename="a")] * 65, table()), (422, "invalid-request"), "/notes"),
        ((*[params()] * 70, table()), (422, "invalid-request"), "/params"),
    ],
)
def test_a_refused_form_leaves_no_file(
    api_app: ApiApp, parts: tuple[bytes, ...], problem: tuple[int, str], pointer: str | None
) -> None:
    answer = submit(api_app, *parts)

    assert (answer.status_code, answer.json["type"].rpartition("/")[2]) == problem
    if pointer is not None:
        assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert kept(api_app) == []
    assert api_app.store.redis.exists(api_app.store.keys("stored")) == 0


def test_errors_in_the_query_are_reported_before_anything_is_uploaded(api_app: ApiApp) -> None:
    answer = submit(api_app, table(), params={"priority": "11"})

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "priority"


def test_a_refusal_by_capacity_leaves_no_file(api_app: ApiApp) -> None:
    for _ in range(3):
        assert submit(api_app, table()).status_code == 202

    assert submit(api_app, table()).status_code == 503
    assert len(kept(api_app)) == 3


def test_the_same_form_with_the_same_key_is_one_job_with_one_file(api_app: ApiApp) -> None:
    key = {"Idempotency-Key": "once"}
    first = submit(api_app, table(), headers=key)

    again = submit(api_app, table(), headers=key)
    other = submit(api_app, table(b"other"), headers=key)

    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json["type"].rpartition("/")[2]) == (
        422,
        "idempotency-mismatch",
    )
    assert len(kept(api_app)) == 1


def test_a_form_with_the_file_of_an_active_job_is_a_duplicate(api_app: ApiApp) -> None:
    first = submit(api_app, table(), path="/v1/operations/single")

    second = submit(api_app, table(), path="/v1/operations/single")

    assert second.status_code == 409
    assert second.json["existing_job"]["id"] == first.json["id"]
    assert len(kept(api_app)) == 1


def test_an_operation_without_files_rejects_a_form_with_files(api_app: ApiApp) -> None:
    answer = submit(
        api_app, params(a=1), part("a", b"1", filename="x"), path="/v1/operations/plain"
    )
    bare = submit(api_app, params(a=1), path="/v1/operations/plain")

    assert answer.status_code == 422
    assert bare.status_code == 202


def test_the_document_lists_the_parts_of_the_form(api_app: ApiApp) -> None:
    document = api_app.http.simulate_get("/openapi.json").json

    paths = document["paths"]
    body = paths["/v1/operations/digest"]["post"]["requestBody"]["content"]
    assert body["multipart/form-data"]["encoding"]["table"] == {"contentType": "text/*"}
    described = document["components"]["schemas"]["DigestForm"]
    assert set(described["properties"]) == {"params", "table", "notes"}
    assert described["required"] == ["table"]
    assert set(described["properties"]["params"]["properties"]) == {"title"}
    plainly = paths["/v1/operations/plain"]["post"]["requestBody"]["content"]
    assert "multipart/form-data" not in plainly


def test_a_form_may_have_the_documented_number_of_files(api_app: ApiApp) -> None:
    document = api_app.http.simulate_get("/openapi.json").json
    most = document["components"]["schemas"]["DigestForm"]["properties"]["notes"]["maxItems"]

    answer = submit(api_app, params(), table(), *[part("notes", b"x", filename="a")] * most)

    assert answer.status_code == 202
    assert len(kept(api_app)) == most + 1


def test_a_form_refers_to_an_uploaded_file_by_its_id(api_app: ApiApp) -> None:
    typed = {"Content-Type": "text/csv"}
    file = api_app.http.simulate_post("/v1/files", body=CSV, headers=typed).json

    answer = api_app.http.simulate_post(PATH, json={"table": file["id"]})

    assert answer.status_code == 202
    assert api_app.http.simulate_get(f"/v1/files/{file['id']}").json["in_use"]


@pytest.mark.parametrize(
    ("name", "texts", "value"),
    [
        ("number", ["3"], 3),
        ("amount", ["3"], 3),
        ("amount", ["2.5e1"], 25.0),
        ("text", ["3"], "3"),
        ("text", ["true"], "true"),
        ("text", [""], ""),
        ("text", ["null"], "null"),
        ("text", ["z\u0142oty \u2713"], "z\u0142oty \u2713"),
        ("optional", ["3"], 3),
        ("optional", ["null"], None),
        ("either", ["3"], "3"),
        ("flag", ["true"], True),
        ("flag", ["false"], False),
        ("colour", ["red"], "red"),
        ("colour", ["3"], 3),
        ("word", ["a"], "a"),
        ("word", ["1"], 1),
        ("numbers", ["3"], [3]),
        ("numbers", ["1", "2"], [1, 2]),
        ("numbers", ["[1, 2]"], [1, 2]),
        ("texts", ["1", "2"], ["1", "2"]),
        ("texts", ["one"], ["one"]),
        ("texts", ["null"], None),
        ("point", ['{"x": 1.5}'], {"x": 1.5}),
        ("anything", ["3"], "3"),
    ],
)
def test_a_plain_field_is_converted_to_the_schemas_type(
    api_app: ApiApp, name: str, texts: list[str], value: Any
) -> None:
    parts = [part(name, text.encode()) for text in texts]

    answer = submit(api_app, *parts, path="/v1/operations/typed")

    assert answer.status_code == 202, answer.json
    (message,) = api_app.publisher.published
    sent = message.submission.params[name]
    assert (sent, type(sent)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "bodies", "value"),
    [
        ("point", [b'{"x": 2}'], {"x": 2}),
        ("anything", [b"3"], 3),
        ("anything", [b'{"a": [null]}'], {"a": [None]}),
        ("numbers", [b"[4]"], [4]),
        ("numbers", [b"4", b"5"], [4, 5]),
    ],
)
def test_a_field_declared_as_json_is_parsed_as_json(
    api_app: ApiApp, name: str, bodies: list[bytes], value: Any
) -> None:
    parts = [part(name, body, media_type="application/json") for body in bodies]

    answer = submit(api_app, *parts, path="/v1/operations/typed")

    assert answer.status_code == 202, answer.json
    (message,) = api_app.publisher.published
    assert message.submission.params[name] == value


@pytest.mark.parametrize(
    ("parts", "pointer", "says"),
    [
        ([part("number", b"x")], "/number", "integer"),
        ([part("number", b"1"), part("number", b"2")], "/number", "more than once"),
        ([part("number", b"1"), params(number=2)], "/number", "as a separate part"),
        ([part("nunber", b"1")], "/nunber", "it has number, amount, text, optional,"),
        ([part("number", b"1", filename="a.txt")], "/number", "without a filename"),
        ([part("text", b"\xff")], "/text", "UTF-8"),
        ([part("numbers", b"1")] * 65, "/numbers", "at most"),
    ],
)
def test_an_invalid_field_is_refused_with_the_known_fields(
    api_app: ApiApp, parts: list[bytes], pointer: str, says: str
) -> None:
    answer = submit(api_app, *parts, path="/v1/operations/typed")

    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]


def test_fields_are_bounded_together(api_app: ApiApp) -> None:
    parts = [part("texts", b"x" * 400_000)] * 3

    answer = submit(api_app, *parts, path="/v1/operations/typed")

    assert answer.status_code == 413


def test_a_plain_field_that_is_the_id_of_a_file_names_it(api_app: ApiApp) -> None:
    typed = {"Content-Type": "text/csv"}
    file = api_app.http.simulate_post("/v1/files", body=CSV, headers=typed).json

    answer = submit(api_app, part("table", file["id"].encode()))
    several = submit(api_app, part("files", file["id"].encode()), path="/v1/operations/typed")

    assert answer.status_code == 202
    assert several.status_code == 202
    assert [each.submission.files for each in api_app.publisher.published] == [(file["id"],)] * 2


def test_fields_and_json_with_the_same_key_are_one_job(api_app: ApiApp) -> None:
    key = {"Idempotency-Key": "once"}
    first = submit(api_app, part("a", b"3"), path="/v1/operations/plain", headers=key)

    again = api_app.http.simulate_post("/v1/operations/plain", json={"a": 3}, headers=key)

    assert again.json["id"] == first.json["id"]
