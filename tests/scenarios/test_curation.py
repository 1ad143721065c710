"""Curators continue to use their clients: cluster genes, look up history, update terms."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.scenarios.releases import NEW, OLD, release
from tests.system.stack import Stack

CILIA = ["BBS1", "BBS10", "BBS12", "BBS2", "BBS4", "BBS5", "BBS7", "BBS9"]
RHYTHM = ["KCNH2", "KCNQ1", "SCN5A", "RYR2", "PKP2", "DSP"]
KEYS = {"curator": "client", "lead": "operator", "guest": "viewer"}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    entries = [
        f"lab:{role}:{hashlib.sha256(name.encode()).hexdigest()}" for name, role in KEYS.items()
    ]
    return {
        "CALLBOARD_OPERATIONS": "examples.curation",
        "CALLBOARD_ROUTES": "examples.curation.routes",
        "CALLBOARD_API_KEYS": ",".join(entries),
        "CURATION_FOLDER": str(tmp_path / "curation"),
    }


class OldClient:
    """The curators' existing client: submit, poll, handle each status."""

    def __init__(self, base: str, key: str, *, poll_every_s: float = 0.2) -> None:
        self.http = httpx.Client(
            base_url=f"{base}/curation", headers={"X-API-Key": key}, timeout=30
        )
        self._poll_every_s = poll_every_s

    def submit(self, job_type: str, **body: Any) -> httpx.Response:
        return self.http.post(f"/api/jobs/{job_type}/submit", **body)

    def status(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/jobs/{job_id}/status")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def run(self, job_type: str, **body: Any) -> dict[str, Any]:
        submitted = self.submit(job_type, **body)
        if submitted.status_code == 409:
            job_id = submitted.json()["existing_job_id"]
        elif submitted.status_code == 202:
            job_id = submitted.json()["job_id"]
        else:
            raise RuntimeError(submitted.json().get("error", submitted.text))
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            status = self.status(job_id)
            if status["status"] == "completed":
                return status
            if status["status"] == "failed":
                raise RuntimeError(status["error"])
            time.sleep(self._poll_every_s)  # noqa: TID251 — as that client does
        raise TimeoutError(job_id)


@pytest.fixture
def clients(stack: Stack) -> Iterator[dict[str, OldClient]]:
    made = {name: OldClient(stack.url, name) for name in KEYS}
    yield made
    for client in made.values():
        client.http.close()


def test_genes_are_clustered_once_however_often_they_are_submitted(
    stack: Stack, settings: dict[str, str], clients: dict[str, OldClient]
) -> None:
    stack.start(workers=0, **settings)
    client = clients["curator"]

    first = client.submit("clustering", json={"genes": [*CILIA, *RHYTHM]})
    again = client.submit("clustering", json={"genes": [*RHYTHM, *(g.lower() for g in CILIA)]})
    job_id = first.json()["job_id"]
    waiting = client.http.get(f"/api/jobs/{job_id}/status")
    stack.worker(**settings)
    done = client.run("clustering", json={"genes": [*CILIA, *RHYTHM]})
    history = client.http.get("/api/jobs/history").json()
    unknown = client.http.get("/api/jobs/01a22dde-e04b-72dd-b793-001d37af4e97/status")

    address = f"{stack.url}/curation/api/jobs/{job_id}/status"
    assert (first.status_code, first.json()["status"]) == (202, "accepted")
    assert first.headers["Location"] == first.json()["status_url"] == address
    assert first.headers["Retry-After"] == "5"
    assert first.json()["estimated_seconds"] >= 1
    assert (again.status_code, again.json()["error"]) == (409, "DUPLICATE_JOB")
    assert again.json()["existing_job_id"] == job_id
    assert again.headers["Location"] == address
    assert (waiting.json()["status"], "Retry-After" in waiting.headers) == ("pending", True)
    assert (done["job_id"], done["operation"], done["retry_after"]) == (job_id, "clustering", None)
    clusters = [set(each["genes"]) for each in done["result"]["clusters"]]
    assert set(CILIA) in clusters
    assert any({"KCNQ1", "KCNH2"} <= each for each in clusters)
    assert [(each["job_id"], each["status"]) for each in history] == [(job_id, "completed")]
    assert (unknown.status_code, unknown.json()["error"]) == (404, "JOB_NOT_FOUND")


def test_the_ninth_active_job_gets_a_retry_after_of_a_minute(
    stack: Stack, settings: dict[str, str], clients: dict[str, OldClient]
) -> None:
    stack.start(workers=0, **settings)
    client = clients["curator"]
    gene_lists = [CILIA[:count] for count in range(1, 8)]

    accepted = [client.submit("clustering", json={"genes": genes}) for genes in gene_lists]
    accepted.append(client.submit("phenotype_clustering", json={}))
    ninth = client.submit("clustering", json={"genes": RHYTHM})
    duplicate = client.submit("clustering", json={"genes": CILIA[:1]})

    assert [answer.status_code for answer in accepted] == [202] * 8
    assert (ninth.status_code, ninth.json()["error"]) == (503, "CAPACITY_EXCEEDED")
    assert (ninth.headers["Retry-After"], ninth.json()["retry_after"]) == ("60", 60)
    assert duplicate.status_code == 409
    assert duplicate.json()["existing_job_id"] == accepted[0].json()["job_id"]


def upload(client: OldClient, text: str, name: str) -> dict[str, Any]:
    return client.run("ontology_update", files={"file": (name, text.encode(), "text/plain")})


def test_an_ontology_is_updated_once_its_report_is_confirmed(
    stack: Stack, settings: dict[str, str], clients: dict[str, OldClient]
) -> None:
    stack.start(workers=1, **settings)
    lead, curator = clients["lead"], clients["curator"]

    forbidden = curator.submit("ontology_update", files={"file": ("a.obo", b"x", "text/plain")})
    first = upload(lead, release(OLD, "2025-12"), "old.obo")["result"]
    second = upload(lead, release(NEW, "2026-01"), "new.obo")
    with pytest.raises(RuntimeError, match="not valid OBO"):
        upload(lead, "nonsense", "bad.obo")
    path, token = f"/api/jobs/{second['job_id']}/apply", second["result"]["confirm"]["token"]
    not_allowed = curator.http.post(path, json={"confirm": token})
    wrong = lead.http.post(path, json={"confirm": "wrong"})
    applied = lead.http.post(path, json={"confirm": token})
    repeated = lead.http.post(path, json={"confirm": token})
    after = upload(lead, release(NEW, "2026-01"), "new.obo")["result"]["report"]

    assert (forbidden.status_code, not_allowed.status_code) == (403, 403)
    assert (first["confirm"], len(first["report"]["added"])) == (None, 8)
    report = second["result"]["report"]
    assert [each["id"] for each in report["added"]] == ["D:9"]
    assert report["renamed"] == [{"id": "D:3", "old": "arrythmia", "new": "arrhythmia"}]
    assert [each["into"] for each in report["merged"]] == ["D:4", "D:9"]
    assert (wrong.status_code, wrong.json()["error"]) == (409, "NOT_APPLIED")
    assert (applied.status_code, applied.json()["release"]) == (200, "2026-01")
    assert (repeated.status_code, repeated.json()["error"]) == (409, "NOT_APPLIED")
    assert (after["old_release"], after["added"]) == ("2026-01", [])
