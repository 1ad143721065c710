"""The literature system as its users see it: over HTTP, on RabbitMQ and Redis."""

import gzip
import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from callboard.config.environment import bare_environment
from examples.literature.pubmed import sample
from examples.literature.pubmed.landmarks import LANDMARKS, QUESTIONS
from examples.literature.pubmed.stand_in import StandIn, serving
from tests.contract.node import NODE
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import Stack, installation

HERE = Path(__file__).parent
CLIENTS = {
    "Python": [sys.executable, str(HERE / "literature_client.py")],
    "JavaScript": [str(NODE), str(HERE / "literature_client.mjs")],
}
PATIENCE_S = 90.0
LONG = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Literature:
    """The installation, and the actions of a client of the older API."""

    stack: Stack
    http: httpx.Client

    def post(self, tool: str, params: Any = None, **more: Any) -> httpx.Response:
        body = {"tool": tool, "params": params or {}, **more}
        return self.http.post("/literature/v1/jobs", json=body)

    def see(self, job_id: str) -> dict[str, Any]:
        return self.http.get(f"/literature/v1/jobs/{job_id}").raise_for_status().json()

    def cancel(self, job_id: str) -> dict[str, Any]:
        return self.http.delete(f"/literature/v1/jobs/{job_id}").raise_for_status().json()

    def jobs(self, **query: Any) -> dict[str, Any]:
        return self.http.get("/literature/v1/jobs", params=query).raise_for_status().json()

    def ended(self, job_id: str) -> dict[str, Any]:
        return eventually(
            lambda: next(filter(_is_final, [self.see(job_id)]), None),
            what=f"job {job_id} has ended",
            timeout=PATIENCE_S,
            interval=0.1,
        )

    def run(self, tool: str, params: Any = None, **more: Any) -> Any:
        job = self.ended(self.post(tool, params, **more).raise_for_status().json()["job_id"])
        assert job["status"] == "completed", job
        return job["result"]

    def reaches(self, job_id: str, status: str) -> None:
        eventually(
            lambda: self.see(job_id)["status"] == status,
            what=f"job {job_id} is {status}",
            timeout=PATIENCE_S,
            interval=0.05,
        )


def _is_final(job: dict[str, Any]) -> bool:
    return job["status"] not in ("pending", "running")


@pytest.fixture(scope="module")
def literature(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Literature]:
    folder = tmp_path_factory.mktemp("literature")
    name = f"test-{secrets.token_hex(6)}"
    with installation(folder, rabbitmq, redis_server, name) as stack:
        stack.settings |= {
            "CALLBOARD_OPERATIONS": "examples.literature",
            "CALLBOARD_ROUTES": "examples.literature.routes",
            "CALLBOARD_RESOURCES": "eutils=1",
            "LITERATURE_FOLDER": str(folder / "corpora"),
        }
        stack.start(workers=1)
        with httpx.Client(base_url=stack.url, timeout=60) as http:
            yield Literature(stack, http)


@pytest.fixture
def ncbi() -> StandIn:
    return StandIn(list(sample.articles(90)))


@pytest.fixture
def server(ncbi: StandIn) -> Iterator[str]:
    with serving(ncbi) as address:
        yield address


def many_papers() -> bytes:
    """Create 20,000 ordinary records quickly, by repeating a few with other numbers."""
    ordinary = [each for each in sample.articles(550) if _title(each) not in dict(TITLES)][:500]
    one = b"".join(sample.document(ordinary)).partition(b"<PubmedArticleSet>")[2]
    one = one.replace(b"</PubmedArticleSet>", b"")
    copies = [one.replace(b'Version="1">900', b'Version="1">%d' % (100 + n)) for n in range(40)]
    whole = b"<PubmedArticleSet>%s</PubmedArticleSet>" % b"".join(copies)
    return gzip.compress(whole, compresslevel=1)


TITLES = [(title, abstract) for title, abstract, _terms in LANDMARKS]


def _title(article: Any) -> str:
    return article.findtext("MedlineCitation/Article/ArticleTitle")


@LONG
def test_the_right_paper_ranks_first_for_ten_questions_while_an_index_grows(
    literature: Literature,
) -> None:
    indexed = literature.run("rag.index", {"corpus": "growing", "sample": 1000})
    uploaded = literature.http.post("/v1/files", files={"file": ("many.xml.gz", many_papers())})
    source = uploaded.raise_for_status().json()["id"]
    growing = literature.post("rag.index", {"corpus": "growing", "source": source})
    job_id = growing.json()["job_id"]
    eventually(
        lambda: literature.see(job_id)["progress"] > 0, what="it progresses", timeout=PATIENCE_S
    )

    answers = [
        literature.post("pubmed.search", {"corpus": "growing", "query": each, "limit": 3})
        for each in QUESTIONS
    ]
    meanwhile = literature.see(job_id)
    cancelled = literature.cancel(job_id)
    left = literature.run("pubmed.search", {"corpus": "growing", "query": "humans", "limit": 1})

    assert (growing.status_code, indexed["papers"]) == (202, 1000)
    assert [answer.status_code for answer in answers] == [200] * 10
    first = [answer.json()["result"]["hits"][0]["title"] for answer in answers]
    assert first == [title for title, _abstract in TITLES]
    assert meanwhile["status"] == "running"
    assert 0 < meanwhile["progress"] < 1
    assert cancelled["status"] == "cancelled"
    assert 1000 < left["total"] < 21_000


@LONG
def test_a_sync_survives_429s_and_a_killed_worker_and_then_moves_its_checkpoint(
    literature: Literature, ncbi: StandIn, server: str
) -> None:
    ncbi.refused = {3: "1", 5: "1"}
    order = {"corpus": "followed", "query": "anything", "base_url": server, "page": 10}
    job_id = literature.post("pubmed.sync", order).json()["job_id"]
    eventually(lambda: len(ncbi.fetched()) >= 5, what="it is in the middle", timeout=PATIENCE_S)

    for worker in literature.stack.started[1:]:
        worker.signal(signal.SIGKILL)
    ncbi.refused |= {len(ncbi.asked) + more: "2" for more in (1, 2)}
    literature.stack.worker()
    middle = literature.run("corpus.checkpoint.get", {"corpus": "followed"})
    still = literature.see(job_id)["status"]
    ended = literature.ended(job_id)
    after = literature.run("corpus.checkpoint.get", {"corpus": "followed"})

    assert (middle["checkpoints"], still in ("pending", "running")) == ([], True)
    assert (ended["status"], ended["result"]["fetched"]) == ("completed", 90)
    assert (ended["progress"], after["papers"]) == (1.0, 90)
    assert [each["synced_to"] for each in after["checkpoints"]] == [ended["result"]["synced_to"]]
    assert sorted(set(ncbi.fetched())) == list(range(0, 90, 10))
    assert ncbi.fetched().count(0) == 1
    assert [each.status for each in ncbi.asked].count(429) >= 3
    assert all(late.at - early.at >= 0.4 for early, late in pairwise(ncbi.asked))
    assert [each.program for each in ncbi.asked].count("esearch.fcgi") == 1


@LONG
def test_the_next_sync_adds_new_versions_and_removes_withdrawn_ones(
    literature: Literature, ncbi: StandIn, server: str
) -> None:
    order = {"corpus": "revised", "query": "anything", "base_url": server, "page": 100}
    first = literature.run("pubmed.sync", order)
    pmid = sample.FIRST_PMID
    ncbi.records[3] = sample.article(pmid + 3, "An erratum on owls", "AIM: Owls.", version=2)
    ncbi.records[4] = sample.article(pmid + 4, "Too late", "AIM: Cats.", version=0)
    ncbi.changed = {3: first["synced_to"], 4: first["synced_to"]}
    ncbi.deleted = [(pmid + 5, 1), (pmid + 3, 1)]

    second = literature.run("pubmed.sync", order)
    seen = [
        literature.run("rag.get", {"corpus": "revised", "pmid": pmid + number})
        for number in (3, 4, 5)
    ]

    assert (second["fetched"], second["kept"], second["deleted"]) == (2, 1, 1)
    revised, kept = (each["hits"][0] for each in seen[:2])
    assert (revised["title"], revised["version"]) == ("An erratum on owls", 2)
    assert (kept["version"], kept["title"] != "Too late") == (1, True)
    assert seen[2] == {"total": 0, "hits": []}


@LONG
def test_waiting_syncs_start_by_priority_and_share_one_rate_over_two_workers(
    literature: Literature, ncbi: StandIn, server: str
) -> None:
    extra = literature.stack.worker()
    literature.stack.await_workers(2)

    def order(query: str, page: int, priority: int) -> str:
        params = {"corpus": "paced", "query": query, "server": server, "page": page}
        answer = literature.post("pubmed.sync", params, priority=priority)
        return answer.raise_for_status().json()["job_id"]

    occupant = order("first", 10, 0)
    literature.reaches(occupant, "running")
    low, high, middle = (order(f"of {rank}", 100, rank) for rank in (0, 10, 5))
    ended = [literature.ended(job_id) for job_id in (occupant, high, middle, low)]
    extra.end()

    assert [job["status"] for job in ended] == ["completed"] * 4
    assert sorted(ended, key=lambda job: job["started_at"]) == ended
    assert all(late.at - early.at >= 0.4 for early, late in pairwise(ncbi.asked))


@pytest.mark.parametrize("hours", [1, 168])
def test_a_job_is_kept_for_the_time_that_was_requested(literature: Literature, hours: int) -> None:
    answer = literature.post("ping", ttl_hours=hours)
    job = literature.http.get(f"/v1/jobs/{answer.json()['job_id']}").json()

    finished, expires = (
        datetime.fromisoformat(job[name]) for name in ("finished_at", "expires_at")
    )
    assert (answer.status_code, answer.json()["result"]) == (200, "pong")
    assert abs(expires - finished - timedelta(hours=hours)) < timedelta(seconds=1)


def test_a_list_is_read_page_by_page(literature: Literature) -> None:
    mine = [literature.post("ping").json()["job_id"] for _ in range(7)]

    total = literature.jobs(status="completed")["total"]
    pages = [
        literature.jobs(status="completed", limit=3, offset=offset)
        for offset in range(0, total + 1, 3)
    ]

    listed = [job["job_id"] for page in pages for job in page["jobs"]]
    assert listed[:7] == mine[::-1]
    assert len(listed) == len(set(listed)) == total
    assert {(page["total"], page["limit"]) for page in pages} == {(total, 3)}


@pytest.mark.parametrize(
    "body",
    [
        {"tool": "rag.dance"},
        {"tool": "rag.index", "params": {"corpus": "../../etc"}},
        {"tool": "pubmed.sync", "params": {"query": "x", "base_url": "file:///etc/passwd"}},
        {"tool": "ping", "ttl_hours": 200},
        {"tool": "ping", "priority": -1},
    ],
)
def test_an_invalid_submission_is_400(literature: Literature, body: dict[str, Any]) -> None:
    answer = literature.http.post("/literature/v1/jobs", json=body)

    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")


@LONG
@pytest.mark.parametrize("language", CLIENTS)
def test_an_old_client_handles_every_outcome_with_its_own_loop(
    literature: Literature, ncbi: StandIn, server: str, language: str
) -> None:
    def begin(tool: str, **params: Any) -> "subprocess.Popen[str]":
        base = f"{literature.stack.url}/literature"
        return subprocess.Popen(
            [*CLIENTS[language], base, tool, json.dumps(params), "0.3"],
            env=bare_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(client: "subprocess.Popen[str]") -> tuple[int, str]:
        told, _progress = client.communicate(timeout=PATIENCE_S)
        return client.returncode, told

    corpus = f"by-{language.lower()}"
    completed = end(begin("rag.index", corpus=corpus, sample=300))
    failed = end(begin("pubmed.search", corpus="missing", query="owls"))
    client = begin("pubmed.sync", corpus=corpus, query=corpus, server=server, page=1)
    job_id = client.stderr.readline().split()[1]
    literature.reaches(job_id, "running")
    literature.cancel(job_id)
    cancelled = end(client)

    assert completed[0] == 0
    assert json.loads(completed[1])["papers"] == 300
    assert failed[0] == 1
    assert "There is no corpus 'missing'" in failed[1]
    assert cancelled == (2, "cancelled\n")
    assert len(ncbi.fetched()) < 90
