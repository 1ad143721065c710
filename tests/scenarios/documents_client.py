"""An unchanged program for the older API: `BASE_URL FILE [SECONDS]`."""
# ruff: noqa: T201, TID251 — it is not ours

import sys
import time
from pathlib import Path

import httpx


def main(base: str, path: str, seconds: str = "5") -> int:
    with Path(path).open("rb") as document:
        response = httpx.post(
            f"{base}/api/v1/parse",
            files=[("files", (Path(path).name, document, "application/pdf"))],
            data={"async_mode": "true", "backend": "vlm-mlx-engine"},
            timeout=60,
        )
    if response.status_code == 503:
        print(f"later, in {response.headers['Retry-After']} s", file=sys.stderr)
        return 3
    response.raise_for_status()
    job_id = response.json()["job_id"]
    while True:
        job = httpx.get(f"{base}/api/v1/jobs/{job_id}", timeout=60).json()
        print(job["status"], file=sys.stderr, flush=True)
        if job["status"] == "SUCCESS":
            for output in job["outputs"]:
                print(output["markdown"])
            return 0
        if job["status"] == "FAILED":
            print(job["errors"])
            return 1
        if job["status"] not in ("PENDING", "PROCESSING"):
            raise SystemExit(f"what is {job['status']}?")
        time.sleep(float(seconds))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
