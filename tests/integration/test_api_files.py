"""Files over HTTP: stored files equal the uploads, and refused ones leave nothing."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from callboard.jobs.errors import StorageUnavailable
from tests.api_app import ApiApp, keys_of
from tests.forms import BOUNDARY, FORM, form, part

PDF = b"%PDF-1.7\n1 0 obj\nendobj\nstartxref\n0\n%%EOF\n"
MAX_FILE_BYTES = 100_000
ROOM = 250_000
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def shared_api_app() -> Iterator[ApiApp]:
    built = ApiApp(
        max_file_bytes=MAX_FILE_BYTES,
        tenant_storage_bytes=ROOM,
        max_body_bytes=1024,
        api_keys=keys_of("acme:client:acme", "globex:client:globex", "ops:operator:boss"),
    )
    yield built
    built.close()


@pytest.fixture
def api_app(shared_api_app: ApiApp) -> Iterator[ApiApp]:
    """An application with a small quota; afterwards Redis and the storage agree."""
    yield shared_api_app
    known = [name for name in shared_api_app.store.redis.keys("*:file:*") if b":users" not in name]
    objects = list(folder(shared_api_app).glob("??/*"))
    assert len(objects) == len(known)
    assert list(folder(shared_api_app).glob(".staging/*")) == []
    for name in known:
        shared_api_app.store.redis.hset(name, "status", "ready")
        post(shared_api_app, "DELETE", f"/v1/files/{name.decode().rpartition(':')[2]}", key="boss")
    assert shared_api_app.store.redis.hgetall(shared_api_app.store.keys("stored")) == {}


def folder(api_app: ApiApp) -> Any:
    with api_app.storage.stage() as staged:
        return staged.path.parent.parent


def post(
    api_app: ApiApp,
    method: str = "POST",
    path: str = "/v1/files",
    *,
    key: str = "acme",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> testing.Result:
    sent = {"Authorization": f"Bearer {key}", **(headers or {})}
    return api_app.http.simulate_request(method, path, headers=sent, **more)


def refused(answer: testing.Result) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json["type"].rpartition("/")[2]


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        out.writestr("a.txt", "x")
    return made.getvalue()


def test_a_body_becomes_a_file_with_the_type_that_its_bytes_show(api_app: ApiApp) -> None:
    answer = post(
        api_app,
        body=PDF,
        headers={"Content-Disposition": "attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe.pdf"},
    )

    file = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == file["links"]["self"]
    assert file["links"]["content"] == f"{file['links']['self']}/content"
    assert (file["name"], file["media_type"], file["size"]) == ("grüße.pdf", "application/pdf", 42)
    assert file["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert (file["in_use"], file["expires_at"] > file["created_at"]) == (False, True)
    assert b"".join(api_app.storage.read(f"{file['id'][-2:]}/{file['id']}")) == PDF
    assert post(api_app, "GET", f"/v1/files/{file['id']}").json == file


def test_a_form_with_one_file_becomes_the_same_file(api_app: ApiApp) -> None:
    body = form(part("anything", b"a,b\n1,2\n", filename="t.csv", media_type="text/csv"))

    file = post(api_app, body=body, headers=FORM).json

    assert (file["name"], file["media_type"], file["size"]) == ("t.csv", "text/csv", 8)


def test_a_part_without_a_type_gets_the_type_that_its_bytes_show(api_app: ApiApp) -> None:
    answer = post(api_app, body=form(part("file", PDF, filename="a.bin")), headers=FORM)

    assert answer.json["media_type"] == "application/pdf"


def test_the_name_in_the_query_wins(api_app: ApiApp) -> None:
    named = {"Content-Disposition": 'attachment; filename="b.txt"', **TEXT}

    answer = post(api_app, body=b"x", params={"name": "a.txt"}, headers=named)

    assert answer.json["name"] == "a.txt"


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a\nb", "\u202etxt.exe", "x" * 7000, "", "CON", 'a"b', "..", "a\0b"],
)
def test_a_file_name_never_contains_a_path(api_app: ApiApp, name: str) -> None:
    answer = post(api_app, body=b"x", params={"name": name}, headers=TEXT)

    file = answer.json
    assert answer.status_code == 201
    assert "/" not in file["name"]
    assert file["name"].isprintable()
    assert 1 <= len(file["name"]) <= 255
    assert [path.name for path in folder(api_app).glob("??/*")] == [file["id"]]


def test_only_operators_find_another_tenants_file(api_app: ApiApp) -> None:
    path = f"/v1/files/{post(api_app, body=b'x', headers=TEXT).json['id']}"

    assert refused(post(api_app, "GET", path, key="globex")) == (404, "file-not-found")
    assert refused(post(api_app, "DELETE", path, key="globex")) == (404, "file-not-found")
    assert post(api_app, "GET", "/v1/files", key="globex").json["items"] == []
    assert post(api_app, "GET", path, key="boss").status_code == 200


def test_a_removed_file_is_gone_and_a_repeat_is_told_so(api_app: ApiApp) -> None:
    path = f"/v1/files/{post(api_app, body=b'x', headers=TEXT).json['id']}"

    assert post(api_app, "DELETE", path).status_code == 204

    assert refused(post(api_app, "DELETE", path)) == (404, "file-not-found")
    assert refused(post(api_app, "GET", path)) == (404, "file-not-found")


def test_an_invalid_id_is_not_found(api_app: ApiApp) -> None:
    assert refused(post(api_app, "GET", "/v1/files/%2e%2e")) == (404, "file-not-found")
    assert refused(post(api_app, "GET", "/v1/files/UPPER")) == (404, "file-not-found")


def test_pages_list_files_newest_first(api_app: ApiApp) -> None:
    made = [post(api_app, body=b"x", headers=TEXT).json["id"] for _ in range(5)]

    first = post(api_app, "GET", "/v1/files", params={"limit": "3"})
    second = post(
        api_app, "GET", first.json["next"].partition("//")[2].partition("/")[2].join("/ ").strip()
    )

    seen = [each["id"] for each in first.json["items"] + second.json["items"]]
    assert seen == made[::-1]
    assert second.json["next"] is None
    assert 'rel="next"' in first.headers["Link"]
    bad = post(api_app, "GET", "/v1/files", params={"cursor": "x", "limit": "0", "colour": "red"})
    assert refused(bad) == (422, "invalid-request")
    assert len(bad.json["errors"]) == 3


@pytest.mark.parametrize(
    ("body", "headers", "problem"),
    [
        (archive(), {"Content-Type": "application/pdf"}, (415, "file-type-not-accepted")),
        (PDF + archive(), {"Content-Type": "application/pdf"}, (422, "file-ambiguous")),
        (b"x" * (MAX_FILE_BYTES + 1), TEXT, (413, "file-too-large")),
        (b"x", {"Content-Encoding": "gzip", **TEXT}, (415, "unsupported-media-type")),
        (b"x", {"Content-Digest": "sha-256=:AAAA:", **TEXT}, (400, "invalid-header")),
        (b"x", {"Content-Digest": "sha-256=x", **TEXT}, (400, "invalid-header")),
        (b"x", {"Content-Digest": "SHA-256=:AAAA:", **TEXT}, (400, "invalid-header")),
        (b"x", {"Content-Type": "no media type"}, (415, "file-type-not-accepted")),
    ],
)
def test_a_rejected_body_leaves_nothing(
    api_app: ApiApp, body: bytes, headers: dict[str, str], problem: tuple[int, str]
) -> None:
    assert refused(post(api_app, body=body, headers=headers)) == problem


@pytest.mark.parametrize("field", ["Content-Digest", "Repr-Digest"])
def test_a_digest_header_is_checked(api_app: ApiApp, field: str) -> None:
    right = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()

    taken = post(api_app, body=PDF, headers={field: f"sha-512=:AA==:, sha-256=:{right}:"})
    not_taken = post(api_app, body=PDF, headers={field: f"sha-256=:{wrong}:"})
    unknown = post(api_app, body=PDF, headers={field: "md5=:AA==:"})

    assert (taken.status_code, unknown.status_code) == (201, 201)
    assert refused(not_taken) == (422, "invalid-file")


def test_a_missing_length_is_not_guessed(api_app: ApiApp) -> None:
    assert refused(post(api_app, headers=TEXT)) == (411, "length-required")


def test_an_empty_file_is_refused(api_app: ApiApp) -> None:
    chunked = {"Transfer-Encoding": "chunked", **TEXT}

    assert refused(post(api_app, body=b"", headers=chunked)) == (422, "invalid-file")
    assert refused(post(api_app, body=form(part("f", b"", filename="a.txt")), headers=FORM)) == (
        422,
        "invalid-file",
    )


def test_a_chunked_file_is_rejected_once_it_is_too_large(api_app: ApiApp) -> None:
    chunked = {"Transfer-Encoding": "chunked", **TEXT}

    assert post(api_app, body=b"x" * MAX_FILE_BYTES, headers=chunked).json["size"] == MAX_FILE_BYTES
    assert refused(post(api_app, body=b"x" * (MAX_FILE_BYTES + 1), headers=chunked)) == (
        413,
        "file-too-large",
    )


def test_a_body_that_ends_before_its_length_leaves_nothing(api_app: ApiApp) -> None:
    for headers, body in ((TEXT, b"half"), (FORM, form(part("f", b"x", filename="a"))[:-9])):
        answer = post(
            api_app, body=body, headers={**headers, "Content-Length": str(len(body) + 10)}
        )

        assert refused(answer) == (400, "malformed-body")


def test_a_full_quota_refuses_uploads_until_a_file_is_removed(api_app: ApiApp) -> None:
    full = [post(api_app, body=b"x" * MAX_FILE_BYTES, headers=TEXT).json["id"] for _ in range(2)]

    answer = post(api_app, body=b"x" * MAX_FILE_BYTES, headers=TEXT)
    rest = b"x" * (ROOM - 2 * MAX_FILE_BYTES)
    small = post(api_app, body=rest, headers={"Transfer-Encoding": "chunked", **TEXT})

    assert refused(answer) == (413, "storage-full")
    assert int(answer.headers["Retry-After"]) > 0
    assert small.status_code == 201
    post(api_app, "DELETE", f"/v1/files/{full[0]}")
    assert post(api_app, body=b"x" * MAX_FILE_BYTES, headers=TEXT).status_code == 201


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "multipart/form-data"}, form(part("f", b"x", filename="a")), 400),
        ({"Content-Type": "multipart/form-data; boundary="}, b"--\r\n", 400),
        (
            {"Content-Type": f"multipart/form-data; boundary={'x' * 71}"},
            form(part("f", b"x", filename="a")),
            400,
        ),
        (
            {"Content-Type": "multipart/form-data; boundary=another"},
            form(part("f", b"x", filename="a")),
            400,
        ),
        (FORM, b"no form at all", 400),
        (FORM, form(), 422),
        (FORM, form(part("f", b"x")), 422),
        (FORM, form(part("f", b"x", filename="a"), part("g", b"y", filename="b")), 422),
        (FORM, form(part("f", b"x", filename="a"), part("name", b"y")), 422),
        (FORM, form(*(part("f", b"x") for _ in range(10_000))), 422),
        (FORM, form(part("f", b"x", filename="a" * 9000)), 400),
        (FORM, form(part("f", b"x", filename="a", media_type="multipart/mixed; boundary=b")), 400),
        (FORM, form(part("f", b"x", filename="a", media_type="text/\u00fc")), 400),
        (FORM, f"--{BOUNDARY}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode(), 400),
        (FORM, form(part("f", b"x", filename="a")) + b"x" * 2_000_000, 400),
        (FORM, form(part("f", b"x" * (MAX_FILE_BYTES + 1), filename="a")), 413),
    ],
)
def test_an_invalid_form_is_refused_with_the_right_problem(
    api_app: ApiApp, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = post(api_app, body=body, headers=headers)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert post(api_app, "GET", "/v1/files").json["items"] == []


def test_a_page_of_another_site_cannot_upload_files_without_a_key() -> None:
    open_stage = ApiApp()
    sent = {"Host": "127.0.0.1:8000", **TEXT}

    foreign = [
        open_stage.http.simulate_post("/v1/files", body=b"x", headers={**sent, "Origin": origin})
        for origin in ("https://evil.example", "null", "http://127.0.0.1:9000")
    ]
    own = open_stage.http.simulate_post(
        "/v1/files", body=b"x", headers={**sent, "Origin": "http://127.0.0.1:8000"}
    )
    open_stage.close()

    assert {refused(each) for each in foreign} == {(403, "other-origin")}
    assert own.status_code == 201


def test_a_storage_outage_is_reported_without_its_location(api_app: ApiApp) -> None:
    where = folder(api_app)
    where.chmod(0)
    moved = where.rename(where.with_name(where.name + "-away"))
    where.write_text("in the way")
    try:
        answer = post(api_app, body=b"x", headers=TEXT)
    finally:
        where.unlink()
        moved.rename(where).chmod(0o700)

    assert refused(answer)[0] == 503
    assert answer.json["code"] == "STORAGE_UNAVAILABLE"
    assert str(where) not in answer.text
    assert StorageUnavailable.__name__ not in answer.text
