"""Clients of the example systems: each submits through the older routes, and follows its jobs."""

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from tests.sample_scans import BRAIN

ROOT: Final = Path(__file__).parents[1]
_GENES: Final = json.loads((ROOT / "examples/curation/genes.json").read_text("utf-8"))["genes"]
_SAMPLE: Final = (ROOT / "examples/documents/sample.pdf").read_bytes()
_TEXT: Final = "<html><body><h1>Report</h1><p>Page of a run that lasts.</p></body></html>"
_POLL_S: Final = 0.5
_REFUSED: Final = frozenset({409, 429, 503})
TIMEOUT_S: Final = 90.0

Round = Callable[["Caller", int], None]


@dataclass
class Caller:
    """One client, with its answers and its jobs.

    Attributes:
        accepted: the ids of all its jobs, each with the operation's name.
        answers: the number of responses with each status code.
        wrong: unexpected events, in a sentence each.
    """

    http: httpx.Client
    until: float
    chance: random.Random
    eutils: str
    accepted: dict[str, str] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def over(self) -> bool:
        """Whether the run has ended."""
        return time.monotonic() >= self.until

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request, and count its response."""
        response = self.http.request(method, path, **more)
        self.answers[response.status_code] += 1
        if response.is_error and response.status_code not in _REFUSED:
            self.wrong.append(f"{method} {path}: {response.status_code} {response.text[:200]}")
        return response

    def submit(self, operation: str, path: str, **more: Any) -> str | None:
        """Submit a job; return its id, or None if it was refused."""
        response = self.ask("POST", path, **more)
        if response.status_code in _REFUSED:
            pause(self, min(float(response.headers.get("Retry-After", 1)), 2.0))
            return None
        body = response.json()
        job_id = str(body.get("job_id") or body["id"])
        self.accepted[job_id] = operation
        return job_id

    def follow(self, path: str, active: frozenset[str]) -> Mapping[str, Any]:
        """Poll a job until it ends or the run does."""
        while True:
            job: Mapping[str, Any] = self.ask("GET", path).json()
            if job["status"] not in active or self.over():
                return job
            pause(self, _POLL_S)


def pause(caller: Caller, seconds: float) -> None:
    """Wait, but not beyond the end of the run."""
    threading.Event().wait(max(0.0, min(seconds, caller.until - time.monotonic())))


def curate(caller: Caller, number: int) -> None:
    """Cluster some genes, and test the clusters for phenotypes."""
    genes = caller.chance.sample(_GENES, caller.chance.randint(8, 40))
    submit = "/curation/api/jobs/clustering/submit"
    job_id = caller.submit("gene_clustering", submit, json={"genes": genes})
    if job_id:
        path = f"/curation/api/jobs/{job_id}/status"
        job = caller.follow(path, frozenset({"pending", "running"}))
        if job["status"] == "completed":
            clusters = [each["genes"] for each in job["result"]["clusters"]]
            body = {"operation": "functional_enrichment", "params": {"clusters": clusters}}
            caller.submit("functional_enrichment", "/v1/jobs", json=body)
    if number % 10 == 0:
        submit = "/curation/api/jobs/phenotype_clustering/submit"
        caller.submit("phenotype_clustering", submit, json={})
    pause(caller, 1.0)


def parse(caller: Caller, number: int) -> None:
    """Parse a page, and sometimes a document with a scan."""
    content = [("files", ("page.html", _TEXT.encode()))]
    if number % 6 == 0:
        content.append(("files", ("sample.pdf", _SAMPLE)))
    data = {"async_mode": "true", "backend": "auto"}
    job_id = caller.submit("parse_document", "/documents/api/v1/parse", files=content, data=data)
    if job_id:
        path = f"/documents/api/v1/jobs/{job_id}"
        caller.follow(path, frozenset({"PENDING", "PROCESSING"}))
    pause(caller, 1.0)


def read(caller: Caller, number: int) -> None:
    """Index papers, search them, sync, and cancel some of the jobs."""
    corpus = f"c{number % 5}"
    path = "/literature/v1/jobs"
    size, rank = caller.chance.randint(200, 2000), caller.chance.randint(0, 10)
    order = {"tool": "rag.index", "params": {"corpus": corpus, "sample": size}, "priority": rank}
    job_id = caller.submit("corpus_index", path, json=order)
    if number % 4 == 1:
        params = {"query": f"q{number}", "corpus": "synced", "base_url": caller.eutils, "page": 10}
        caller.submit("corpus_sync", path, json={"tool": "pubmed.sync", "params": params})
    if job_id and number % 7 == 0:
        caller.ask("DELETE", f"{path}/{job_id}")
    elif job_id:
        caller.follow(f"{path}/{job_id}", frozenset({"pending", "running"}))
        order = {"tool": "pubmed.search", "params": {"corpus": corpus, "query": "humans"}}
        caller.submit("corpus_search", path, json=order)
    pause(caller, 0.5)


def reconstruct(caller: Caller, number: int) -> None:
    """Reconstruct a brain at several resolutions; cancel some of the jobs in two steps."""
    fields = {"resolution": str(6 + number % 4)}
    scan = {"file": ("head.nii.gz", BRAIN.read_bytes())}
    job_id = caller.submit("reconstruct", "/reconstruction/jobs", files=scan, data=fields)
    if job_id and number % 5 == 0:
        path = f"/reconstruction/jobs/{job_id}/cancel"
        offer = caller.ask("POST", path).json()
        caller.ask("POST", path, json={"confirm": offer["confirm_token"]})
    elif job_id:
        path = f"/reconstruction/jobs/{job_id}"
        caller.follow(path, frozenset({"queued", "processing"}))
    pause(caller, 6.0)


def fan_in(caller: Caller, number: int) -> None:
    """Submit a batch in which a search depends on three index jobs."""
    corpus = f"fan{number}"
    indexes = [
        {"operation": "corpus_index", "params": {"corpus": corpus, "sample": size}}
        for size in (100, 200, 300)
    ]
    search = {
        "operation": "corpus_search",
        "params": {"corpus": corpus, "query": "humans"},
        "after": ["#0", "#1", "#2"],
    }
    response = caller.ask("POST", "/v1/batches", json={"items": [*indexes, search]})
    for each in response.json().get("items", []):
        if "id" in each:
            is_last = each["index"] == len(indexes)
            caller.accepted[each["id"]] = "corpus_search" if is_last else "corpus_index"
    pause(caller, 5.0)


ROUNDS: Final[Mapping[str, Round]] = {
    "curation": curate,
    "documents": parse,
    "literature": read,
    "reconstruction": reconstruct,
    "batches": fan_in,
}


def call(caller: Caller, rounds: Round) -> None:
    """Continue until the run ends; an error of the client itself is also reported."""
    for number in itertools.count():
        if caller.over():
            return
        try:
            rounds(caller, number)
        except (httpx.HTTPError, LookupError, ValueError) as error:
            caller.wrong.append(f"{rounds.__name__}: {error!r}")
            pause(caller, 1.0)
