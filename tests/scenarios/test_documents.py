"""The document system as its users see it: over HTTP, on RabbitMQ and Redis."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pydantic import SecretStr

from callboard.config.environment import bare_environment
from callboard.jobs.callbacks.secrets import derive
from tests import sample_documents as samples
from tests.callback_system import verify
from tests.eventually import eventually
from tests.receiver import Receiver
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import Stack, free_port, installation

CLIENT: Final = Path(__file__).parent / "documents_client.py"
KEY: Final = "a signing key of the scenarios, 32 at least"
SECRET: Final = derive(SecretStr(KEY), "default", 1).get_secret_value()
PATIENCE_S: Final = 150.0
LONG: Final = pytest.mark.timeout(300)
PDF: Final = "application/pdf"


@dataclass(frozen=True)
class Documents:
    """The installation, and the actions of a client of the older API."""

    stack: Stack
    http: httpx.Client
    receiver: Receiver

    def parse(self, files: Mapping[str, bytes], *, base: str = "", **fields: str) -> httpx.Response:
        parts = [("files", (name, content)) for name, content in files.items()]
        return self.http.post(f"{base}/documents/api/v1/parse", files=parts, data=fields)

    def submit(self, files: Mapping[str, bytes], **fields: str) -> str:
        answer = self.parse(files, async_mode="true", **fields)
        assert answer.status_code == 202, answer.text
        return answer.json()["job_id"]

    def see(self, job_id: str) -> dict[str, Any]:
        return self.http.get(f"/documents/api/v1/jobs/{job_id}").raise_for_status().json()

    def ended(self, job_id: str) -> dict[str, Any]:
        return eventually(
            lambda: next(filter(_is_final, [self.see(job_id)]), None),
            what=f"job {job_id} has ended",
            timeout=PATIENCE_S,
            interval=0.2,
        )


def _is_final(job: dict[str, Any]) -> bool:
    return job["status"] not in ("PENDING", "PROCESSING")


@pytest.fixture(scope="module")
def documents(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Documents]:
    folder = tmp_path_factory.mktemp("documents")
    name = f"test-{secrets.token_hex(6)}"
    with Receiver() as receiver, installation(folder, rabbitmq, redis_server, name) as stack:
        stack.settings |= {
            "CALLBOARD_OPERATIONS": "examples.documents",
            "CALLBOARD_ROUTES": "examples.documents.routes",
            "CALLBOARD_RESOURCES": "recognizer=1",
            "CALLBOARD_SIGNING_KEY": KEY,
            "CALLBOARD_CALLBACK_NETWORKS": "127.0.0.0/8",
            "CALLBOARD_CALLBACK_PORTS": str(receiver.port),
        }
        stack.start(workers=1)
        with httpx.Client(base_url=stack.url, timeout=90) as http:
            yield Documents(stack, http, receiver)


@LONG
def test_a_small_document_is_answered_at_once_with_its_content_in_order(
    documents: Documents,
) -> None:
    answer = documents.parse({"report.pdf": samples.report()}, backend="pipeline")

    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    found = [(item["type"], item["text"]) for item in output["content_list_json"]]
    headings = [text for kind, text in found if kind == "title"]
    assert headings == [samples.TITLE, "Results", "Discussion", "Outlook"]
    columns = [
        found.index(("text", text)) for text in (samples.LEFT, samples.MIDDLE, samples.RIGHT)
    ]
    assert columns == sorted(columns)
    (table,) = [item for item in output["content_list_json"] if item["type"] == "table"]
    assert table["rows"] == samples.TABLE
    assert output["markdown"].startswith(f"# {samples.TITLE}\n")
    picture = httpx.get(output["images"][0]["href"])
    assert picture.content.startswith(b"\x89PNG")
    assert answer.json()["request_id"]


@LONG
def test_office_documents_and_selected_pages_are_read(documents: Documents) -> None:
    office = {"a.docx": samples.letter(), "b.pptx": samples.talk(), "c.xlsx": samples.workbook()}

    several = documents.parse(office, backend="office").json()
    pages = documents.parse(
        {"book.pdf": samples.book(9)}, backend="text", start_page_id="3", end_page_id="5"
    ).json()

    assert [each["filename"] for each in several["outputs"]] == list(office)
    assert "# Minutes of the board\n\n# Decisions\n" in several["outputs"][0]["markdown"]
    assert "| 2025 | 14 |" in several["outputs"][1]["markdown"]
    assert "| Wheat | 210.5 |" in several["outputs"][2]["markdown"]
    content = pages["outputs"][0]["content_list_json"]
    assert [item["page_idx"] for item in content] == [3, 3, 4, 4, 5, 5]
    assert content[-2]["text"] == "Chapter 5"


@LONG
def test_a_book_of_2000_pages_becomes_a_job_with_its_progress_by_page(
    documents: Documents,
) -> None:
    # Its requests wait like others, but at most a second.
    port = free_port()
    impatient = f"http://127.0.0.1:{port}"
    web = documents.stack.web(CALLBOARD_PORT=str(port), CALLBOARD_MAX_WAIT="1s")
    documents.stack.await_web(web, 1)

    answer = documents.parse(
        {"book.pdf": samples.book(2000)}, base=impatient, backend="text", images="0"
    )
    accepted = answer.json()
    seen: set[float] = set()
    # It looks at once: the rest of the book takes a few seconds.
    eventually(
        lambda: (
            seen.add(documents.see(accepted["job_id"])["progress"]) or len(seen - {0.0, 100.0}) > 1
        ),
        what="the progress of a few pages is seen",
        timeout=PATIENCE_S,
        interval=0.05,
    )
    web.end()
    job = documents.ended(accepted["job_id"])

    assert (answer.status_code, accepted["status"]) == (202, "PENDING")
    assert accepted["status_url"] == answer.headers["Location"]
    assert accepted["status_url"] == f"{impatient}/documents/api/v1/jobs/{accepted['job_id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert (job["status"], job["progress"]) == ("SUCCESS", 100.0)
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]
    content = job["outputs"][0]["content_list_json"]
    assert [item["text"] for item in content[::2]] == [f"Chapter {n}" for n in range(2000)]
    assert documents.http.get(f"/v1/jobs/{accepted['job_id']}").json()["status"] == "succeeded"


@LONG
def test_invalid_files_are_named_and_the_valid_ones_are_parsed(
    documents: Documents,
) -> None:
    bad = {
        "locked.pdf": samples.report(password="hush"),
        "cut.pdf": samples.report()[:900],
        "empty.pdf": b"",
        "cut.docx": samples.letter()[:3000],
        "words.pdf": b"These are words, and no PDF.",
    }

    mixed = documents.parse({**bad, "page.html": samples.HTML}, backend="auto")
    none = documents.parse({name: bad[name] for name in ("cut.pdf", "empty.pdf")})
    failed = documents.ended(documents.submit({"locked.pdf": bad["locked.pdf"]}))

    assert mixed.status_code == 200
    assert [each["filename"] for each in mixed.json()["outputs"]] == ["page.html"]
    errors = {each["filename"]: each["error"] for each in mixed.json()["errors"]}
    assert set(errors) == set(bad)
    assert "encrypted" in errors["locked.pdf"]
    assert "damaged" in errors["cut.pdf"]
    assert "empty" in errors["empty.pdf"]
    assert none.status_code == 422
    assert all(name in none.json()["detail"] for name in ("cut.pdf", "empty.pdf"))
    assert (failed["status"], failed["outputs"]) == ("FAILED", [])
    assert "locked.pdf: The PDF is encrypted" in failed["errors"][0]["error"]


@LONG
def test_a_callback_is_signed_and_has_the_content(documents: Documents) -> None:
    job_id = documents.submit(
        {"page.html": samples.HTML}, backend="text", callback_url=documents.receiver.url
    )
    received = documents.receiver.await_requests(1, timeout=PATIENCE_S)[-1]

    told = verify(SECRET, received)
    assert told == documents.see(job_id)
    assert (told["job_id"], told["status"]) == (job_id, "SUCCESS")
    assert told["outputs"][0]["markdown"].startswith("# Crop rotation")


@LONG
def test_two_backends_share_the_recogniser_and_extraction_does_not_wait_for_it(
    documents: Documents,
) -> None:
    ocr = documents.submit({"scan.pdf": samples.scan()}, backend="ocr")
    auto = documents.submit({"book.pdf": samples.book(20)}, backend="auto")
    pair: list[tuple[str, str]] = []

    extracted = documents.parse({"page.html": samples.HTML}, backend="text")
    eventually(
        lambda: (
            pair.append((documents.see(ocr)["status"], documents.see(auto)["status"]))
            or pair[-1] == ("SUCCESS", "SUCCESS")
        ),
        what="both have ended",
        timeout=PATIENCE_S,
        interval=0.05,
    )

    assert ("PROCESSING", "PROCESSING") not in pair
    assert extracted.status_code == 200
    assert "Twelve crates of apples were delivered" in documents.see(ocr)["outputs"][0]["markdown"]


@LONG
def test_the_last_of_eleven_active_requests_gets_a_retry_after(documents: Documents) -> None:
    accepted = [documents.submit({"book.pdf": samples.book(800)})]
    backends = ("auto", "ocr", "auto") * 3  # these wait for the recognizer
    accepted += [documents.submit({"page.html": samples.HTML}, backend=each) for each in backends]

    refused = documents.parse({"page.html": samples.HTML}, async_mode="true")
    waiting = documents.see(accepted[-1])
    for job_id in accepted:
        documents.http.delete(f"/v1/jobs/{job_id}")
    last = documents.ended(accepted[-1])

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) == 30
    assert waiting["status"] == "PENDING"
    assert (last["status"], last["errors"][0]["error"]) == ("FAILED", "The job was cancelled.")
    for job_id in accepted:
        documents.ended(job_id)


def test_request_errors_have_the_older_format(documents: Documents) -> None:
    backend = documents.parse({"page.html": samples.HTML}, backend="magic")
    form = {"backend": (None, "auto")}
    nothing = documents.http.post("/documents/api/v1/parse", files=form)
    page = documents.parse({"page.html": samples.HTML}, start_page_id="-1")
    unknown = documents.http.get("/documents/api/v1/jobs/0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77")

    assert (backend.status_code, "'magic'" in backend.json()["detail"]) == (400, True)
    assert (nothing.status_code, nothing.json()["detail"]) == (400, "files contains no file")
    assert (page.status_code, "start_page_id" in page.json()["detail"]) == (400, True)
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "There is no such job."})


@LONG
def test_the_polling_loop_of_an_older_client_runs_unchanged(
    documents: Documents, tmp_path: Path
) -> None:
    def run(name: str, content: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / name).write_bytes(content)
        command = [sys.executable, str(CLIENT), f"{documents.stack.url}/documents"]
        return subprocess.run(
            [*command, str(tmp_path / name), "0.2"],
            env=bare_environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    good, bad = run("report.pdf", samples.report()), run("cut.pdf", samples.report()[:900])

    assert (good.returncode, bad.returncode) == (0, 1), good.stderr + bad.stderr
    assert good.stdout.startswith(f"# {samples.TITLE}")
    assert good.stderr.splitlines()[-1] == "SUCCESS"
    assert "cut.pdf" in bad.stdout
