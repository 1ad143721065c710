"""The reconstruction system, as its users walk through it: over HTTP, on RabbitMQ and Redis."""

import gzip
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import pytest
import trimesh

from callboard.config.environment import bare_environment
from tests import sample_scans as samples
from tests.contract.node import NODE
from tests.eventually import eventually
from tests.servers import RabbitMQ, RedisServer
from tests.system.stack import Stack, installation

HERE: Final = Path(__file__).parent
PATIENCE_S: Final = 150.0
CANCEL_S: Final = 10.0
"""Far more than a cancel takes, for slow machines; see the README of the example."""
LONG: Final = pytest.mark.timeout(300)
BALL: Final = samples.balls((30, 30, 30), ((15, 15, 15), 10))
SLOW: Final = {"resolution": "1.6"}


@dataclass(frozen=True)
class Reconstruction:
    """The installation, and what a client of the older API does with it."""

    stack: Stack
    http: httpx.Client

    def send(self, content: bytes, *, slash: str = "", **fields: str) -> httpx.Response:
        files = {"file": ("scan.nii.gz", content)}
        return self.http.post(f"/reconstruction/jobs{slash}", files=files, data=fields)

    def submit(self, content: bytes, **fields: str) -> str:
        answer = self.send(content, **fields)
        assert answer.status_code == 202, answer.text
        return answer.json()["job_id"]

    def see(self, job_id: str) -> dict[str, Any]:
        return self.http.get(f"/reconstruction/jobs/{job_id}").raise_for_status().json()

    def cancel(self, job_id: str, body: Any = None, **more: Any) -> httpx.Response:
        sent = {} if body is None else {"json": body}
        return self.http.post(f"/reconstruction/jobs/{job_id}/cancel", **sent, **more)

    def ended(self, job_id: str) -> dict[str, Any]:
        return eventually(
            lambda: next(filter(_is_final, [self.see(job_id)]), None),
            what=f"job {job_id} has ended",
            timeout=PATIENCE_S,
            interval=0.1,
        )

    def reading(self, job_id: str) -> dict[str, Any]:
        """Wait until some slices of a job's scan have been read."""
        return eventually(
            lambda: next(filter(_is_reading, [self.see(job_id)]), None),
            what=f"job {job_id} reads slices",
            timeout=PATIENCE_S,
            interval=0.02,
        )


def _is_final(job: Mapping[str, Any]) -> bool:
    return job["status"] not in ("queued", "processing")


def _is_reading(job: Mapping[str, Any]) -> bool:
    return 0 < job["progress"] < 50 or _is_final(job)


@cache
def long_scan() -> bytes:
    """A scan of 1,600 empty slices, which take some seconds."""
    return gzip.compress(samples.nifti(np.zeros((256, 256, 1600), np.uint8)), 1)


@pytest.fixture(scope="module")
def system(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RabbitMQ, redis_server: RedisServer
) -> Iterator[Reconstruction]:
    folder = tmp_path_factory.mktemp("reconstruction")
    keys = ",".join(
        f"lab:client:{hashlib.sha256(name.encode()).hexdigest()}" for name in ("ann", "bob")
    )
    name = f"test-{secrets.token_hex(6)}"
    with installation(folder, rabbitmq, redis_server, name) as stack:
        stack.settings |= {
            "CALLBOARD_OPERATIONS": "examples.reconstruction",
            "CALLBOARD_ROUTES": "examples.reconstruction.routes",
            "CALLBOARD_API_KEYS": keys,
        }
        stack.start(workers=1)
        with httpx.Client(base_url=stack.url, timeout=90, headers={"X-API-Key": "ann"}) as http:
            yield Reconstruction(stack, http)


@LONG
def test_a_brain_becomes_a_closed_mesh_of_the_right_volume(
    system: Reconstruction, tmp_path: Path
) -> None:
    accepted = system.send(samples.BRAIN.read_bytes(), slash="/", resolution="3")
    job = system.ended(accepted.json()["job_id"])

    assert (accepted.status_code, accepted.json()["status"]) == (202, "queued")
    assert accepted.headers["Location"] == f"{system.stack.url}/reconstruction/jobs/{job['job_id']}"
    assert (job["status"], job["progress"], job["error"]) == ("completed", 100, None)
    files, report = job["result"]["files"], job["result"]["report"]
    content = {each["name"]: system.http.get(each["href"]).content for each in files}
    assert [(each["name"], each["bytes"]) for each in files] == [
        (name, len(body)) for name, body in content.items()
    ]
    assert list(content) == ["mesh.ply", "mesh.stl", "mesh.glb", "preview.png", "report.json"]
    assert files[2]["media_type"] == "model/gltf-binary"
    assert report["closed"]
    assert report["volume_mm3"] == pytest.approx(report["voxel_volume_mm3"], rel=0.02)
    assert report["volume_mm3"] == pytest.approx(samples.BRAIN_MM3, rel=0.02)
    assert content["preview.png"].startswith(b"\x89PNG")
    assert json.loads(content["report.json"]) == report
    for name, scale in {"mesh.ply": 1, "mesh.stl": 1, "mesh.glb": 1000}.items():
        (tmp_path / name).write_bytes(content[name])
        mesh = _loaded(tmp_path / name)
        assert mesh.is_watertight
        assert mesh.volume * scale**3 == pytest.approx(report["volume_mm3"], rel=1e-3)
    assert system.http.get(f"/v1/jobs/{job['job_id']}").json()["status"] == "succeeded"


@LONG
def test_dicom_slices_and_images_are_read_from_archives(system: Reconstruction) -> None:
    values = samples.balls((30, 30, 10), ((15, 15, 15), 10), spacing=(1, 1, 3))
    series = system.submit(samples.archive(samples.dicom_slices(values, (1, 1, 3))), threshold="0")
    stack = samples.image_stack(values)
    plain = system.submit(stack, threshold="125", spacing="auto")
    spaced = system.submit(stack, threshold="125", spacing="1, 1, 3")

    reports = [system.ended(each)["result"]["report"] for each in (series, plain, spaced)]

    volumes = [each["volume_mm3"] for each in reports]
    ball = samples.ball_mm3(10)
    assert volumes == pytest.approx([ball, ball / 3, ball], rel=0.05)
    assert [each["spacing"] for each in reports] == [[1, 1, 3], [1, 1, 1], [1, 1, 3]]
    assert all(each["closed"] for each in reports)


@LONG
def test_a_cancel_in_the_middle_takes_two_steps_and_ends_it_at_once(
    system: Reconstruction,
) -> None:
    job_id = system.submit(long_scan(), **SLOW)
    before = system.reading(job_id)

    asked = system.cancel(job_id)
    still = system.see(job_id)
    token = asked.json()["confirm_token"]
    foreign = system.cancel(job_id, {"confirm": token}, headers={"X-API-Key": "bob"})
    wrong = system.cancel(job_id, {"confirm": "wrong"})
    confirmed = system.cancel(job_id, {"confirm": token})
    job = system.ended(job_id)
    late = system.cancel(job_id)
    resource = system.http.get(f"/v1/jobs/{job_id}").json()

    assert (before["status"], before["stage"]) == ("processing", "Reading the slices")
    assert (asked.status_code, asked.json()["status"]) == (200, "confirmation_required")
    assert datetime.fromisoformat(asked.json()["expires_at"]).tzinfo is not None
    assert still["status"] == "processing"
    assert (foreign.status_code, wrong.status_code) == (409, 409)
    assert confirmed.status_code == 200
    assert (job["status"], job["result"]) == ("cancelled", None)
    assert 0 < job["progress"] < 100
    assert (late.status_code, list(late.json())) == (409, ["detail"])
    assert resource["status"] == "cancelled"


@LONG
def test_a_cancel_ends_the_work_between_slices(system: Reconstruction) -> None:
    job_id = system.submit(long_scan(), **SLOW)
    system.reading(job_id)
    token = system.cancel(job_id).json()["confirm_token"]
    begun = time.monotonic()

    system.cancel(job_id, {"confirm": token})
    job = system.ended(job_id)
    took = time.monotonic() - begun

    sys.stdout.write(f"The cancel took {1000 * took:.0f} ms.\n")
    assert job["status"] == "cancelled"
    assert took < CANCEL_S


def test_true_confirms_only_what_the_same_caller_has_asked_for(system: Reconstruction) -> None:
    job_id = system.http.post(
        "/v1/jobs",
        json={
            "operation": "reconstruct",
            "params": {"file": _uploaded(system)},
            "delay_seconds": 600,
        },
    ).json()["id"]

    early = system.cancel(job_id, {"confirm": True})
    system.cancel(job_id, headers={"X-API-Key": "bob"})
    foreign = system.cancel(job_id, {"confirm": True})
    system.cancel(job_id)
    confirmed = system.cancel(job_id, {"confirm": True})

    assert (early.status_code, foreign.status_code) == (409, 409)
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "cancelled")


def _uploaded(system: Reconstruction) -> str:
    files = {"file": ("a.nii", samples.nifti(BALL))}
    return system.http.post("/v1/files", files=files).json()["id"]


def test_what_is_no_scan_is_refused_at_once_or_fails_in_a_sentence(system: Reconstruction) -> None:
    bomb = samples.archive(
        {f"{n}.png": b"\x89PNG\r\n\x1a\n" + bytes(40 * 1024**2) for n in range(2)}
    )
    at_once = {
        "above": (samples.archive({"../a.png": b"x"}), "leads outside it"),
        "bomb": (bomb, "MiB unpacked"),
        "text": (b"Dear all,", "neither NIfTI nor"),
        "empty": (b"", "empty"),
        "slice": (samples.shared("CT_small.dcm"), "single image"),
        "broken": (samples.shared("MR_truncated.dcm"), "single image"),
    }
    later = {
        "frames": ("rtdose.dcm", "several frames"),
        "twice": ("CT_small.dcm", "have the same position"),
        "bad values": ("badVR.dcm", "a.dcm is damaged"),
        "no pixels": ("test-SR.dcm", "no DICOM slices"),
        "cut": ("MR_truncated.dcm", "have the same position"),
    }

    refused = {name: system.send(content) for name, (content, _) in at_once.items()}
    number = system.send(samples.nifti(BALL), threshold="high")
    missing = system.http.post("/reconstruction/jobs", files={"note": (None, "x")})
    jobs = {
        name: system.submit(
            samples.archive({"a.dcm": samples.shared(file), "b.dcm": samples.shared(file)})
        )
        for name, (file, _) in later.items()
    }
    failed = {name: system.ended(job_id) for name, job_id in jobs.items()}
    unknown = system.http.get("/reconstruction/jobs/0193b5b2-7d2e-7c41-a3c5-2f6d0c1b9e77")

    for name, (_, reason) in at_once.items():
        assert (refused[name].status_code, reason in refused[name].json()["detail"]) == (400, True)
    assert (number.status_code, "threshold" in number.json()["detail"]) == (400, True)
    assert (missing.status_code, "file" in missing.json()["detail"]) == (400, True)
    for name, (_, reason) in later.items():
        assert (failed[name]["status"], reason in failed[name]["error"]) == ("failed", True)
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "There is no such job."})


@LONG
def test_the_polling_loops_of_older_clients_run_unchanged(
    rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path
) -> None:
    scan, broken = tmp_path / "scan.nii.gz", tmp_path / "broken.nii"
    scan.write_bytes(samples.BRAIN.read_bytes())
    broken.write_bytes(samples.nifti(BALL)[:3000])
    name = f"test-{secrets.token_hex(6)}"
    with installation(tmp_path, rabbitmq, redis_server, name) as stack:
        stack.settings |= {
            "CALLBOARD_OPERATIONS": "examples.reconstruction",
            "CALLBOARD_ROUTES": "examples.reconstruction.routes",
        }
        stack.start(workers=1)
        base = f"{stack.url}/reconstruction"
        python = [sys.executable, str(HERE / "reconstruction_client.py"), base]
        node = [str(NODE), str(HERE / "reconstruction_client.mjs"), base]

        in_python = _run(*python, str(scan), str(tmp_path), "0.2")
        in_node = _run(*node, str(scan), "0.2")
        failed = _run(*python, str(broken), str(tmp_path), "0.2")

    assert (in_python.returncode, in_node.returncode) == (0, 0), in_python.stderr + in_node.stderr
    assert float(in_python.stdout) == pytest.approx(samples.BRAIN_MM3, rel=0.02)
    assert json.loads(in_node.stdout)["closed"]
    assert _loaded(tmp_path / "mesh.stl").is_watertight
    assert "completed 100%" in in_python.stderr
    assert (failed.returncode, "damaged" in failed.stdout) == (1, True)


def _loaded(path: Path) -> Any:
    return trimesh.load(path, force="mesh")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
