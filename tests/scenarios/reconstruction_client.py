"""A program that was written for the older API, as it is: `BASE_URL FILE FOLDER [SECONDS]`."""
# ruff: noqa: T201, TID251 — it is not ours

import sys
import time
from pathlib import Path

import httpx


def main(base: str, path: str, folder: str, seconds: str = "5") -> int:
    with Path(path).open("rb") as scan:
        response = httpx.post(
            f"{base}/jobs/",
            files={"file": (Path(path).name, scan)},
            data={"threshold": "auto", "resolution": "4"},
            timeout=60,
        )
    if response.status_code == 400:
        print(response.json()["detail"])
        return 2
    response.raise_for_status()
    job = response.json()
    while job["status"] in ("queued", "processing"):
        time.sleep(float(seconds))
        job = httpx.get(f"{base}/jobs/{job['job_id']}", timeout=60).json()
        print(f"{job['status']} {job['progress']}% {job['stage']}", file=sys.stderr, flush=True)
    if job["status"] == "completed":
        for file in job["result"]["files"]:
            content = httpx.get(file["href"], timeout=60).raise_for_status().content
            (Path(folder) / file["name"]).write_bytes(content)
        print(f"{job['result']['report']['volume_mm3']:.0f}")
        return 0
    if job["status"] == "failed":
        print(job["error"])
        return 1
    if job["status"] == "cancelled":
        print("cancelled")
        return 3
    raise SystemExit(f"what is {job['status']}?")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
