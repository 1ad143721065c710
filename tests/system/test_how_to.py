"""The code and the commands of the how-to pages work as described."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from callboard.client import Client
from tests.system.stack import ROOT
from tests.system.test_readme import environment, serving

PAGES = ROOT / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    """Return a page's code blocks of one language."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The one-process server with the operations and the schedules of the pages."""
    (tmp_path / "words.py").write_text(blocks("files", "python")[0])
    (tmp_path / "countdown.py").write_text(blocks("write-an-operation", "python")[0])
    (tmp_path / "pipeline.py").write_text("\n".join(blocks("run-jobs-in-order", "python")))
    (tmp_path / "reports.py").write_text(blocks("add-routes", "python")[0])
    (tmp_path / "schedules.toml").write_text(blocks("run-on-a-schedule", "toml")[0])
    settings = {
        "PYTHONPATH": f".{os.pathsep}{ROOT}",
        "CALLBOARD_OPERATIONS": "words,countdown,pipeline,reports,examples.curation",
        "CALLBOARD_ROUTES": "reports",
        "CALLBOARD_SCHEDULES_FILE": "schedules.toml",
    }
    with serving("callboard dev", tmp_path, tmp_path / "server.log", **settings) as url:
        yield url


def test_the_code_of_the_pages_runs_as_described(server: str, tmp_path: Path) -> None:
    for name, content in (
        ("notes.txt", "one two three\n"),
        ("one.csv", "gene,score\nBBS1,1\n"),
        ("two.csv", "name,score\nBBS1,1\n"),
    ):
        (tmp_path / name).write_text(content)

    answers = _answers(server, tmp_path)
    with Client(server) as client:
        words = client.result(answers[0]["id"], timeout=30)
        compared = client.result(answers[1]["id"], timeout=30)
        counted = httpx.get(words["href"]).text
        schedules = [each["name"] for each in client.schedules()]
        operations = {each["name"] for each in client.operations()}

    assert (words["name"], counted) == ("words.txt", "3\n")
    assert compared == ["one.csv"]
    assert [(file["name"], file["media_type"]) for file in answers[2:]] == [
        ("notes.txt", "text/plain")
    ] * 2
    assert schedules == ["nightly-report"]
    assert operations >= {"countdown", "count_words", "compare"}


def _answers(server: str, folder: Path) -> list[Any]:
    """Run the page's uploads, and return the answers."""
    script = "".join(blocks("files", "sh")).replace("http://127.0.0.1:8000", server)
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found, rest = [], done.stdout.strip()
    while rest:
        answer, end = json.JSONDecoder().raw_decode(rest)
        found.append(answer)
        rest = rest[end:].strip()
    return found


def test_added_routes_are_served_as_the_page_says(server: str) -> None:
    script = blocks("add-routes", "sh")[0].replace("http://127.0.0.1:8000", server)
    done = subprocess.run(
        ["sh", "-eu", "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    ticket = json.loads(done.stdout)["ticket"]

    with Client(server) as client:
        client.wait(ticket, timeout=30)
    found = httpx.get(f"{server}/reports/orders/{ticket}").json()
    missing = httpx.get(f"{server}/reports/orders/nothing")

    assert found == {"done": True, "text": "All was well in 2025."}
    assert (missing.status_code, missing.json()) == (404, {"error": "no such ticket"})


def test_jobs_run_in_order_as_the_page_says(server: str) -> None:
    done = subprocess.run(
        ["sh", "-eu", "-c", "".join(blocks("run-jobs-in-order", "sh"))],
        env={**environment(), "CALLBOARD_URL": server},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *_, batch = (json.loads(block) for block in blocks("run-jobs-in-order", "json"))
    with Client(server) as client:
        made: Any = client.batch(batch["items"])
        last = client.wait(made["items"][-1]["job"]["id"], timeout=30)
        published = client.result(client.submit("publish", {"texts": ["a", "b"]})["id"], timeout=30)
        result = client.result(published, timeout=30)

    assert json.loads(done.stdout) == "Summary: Letters"
    assert (last["status"], len(last["after"])) == ("succeeded", 2)
    assert result == "Summary: 2 texts"
