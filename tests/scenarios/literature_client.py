"""An unchanged program for the older API: `BASE_URL TOOL PARAMS [SECONDS]`."""
# ruff: noqa: T201, TID251 — it is not ours

import json
import sys
import time
import urllib.request
from typing import Any


def ask(method: str, url: str, body: Any = None) -> Any:
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def main(base: str, tool: str, params: str, seconds: str = "5") -> int:
    job = ask("POST", f"{base}/v1/jobs", {"tool": tool, "params": json.loads(params)})
    print(f"submitted {job['job_id']}", file=sys.stderr, flush=True)
    while job["status"] in ("pending", "running"):
        time.sleep(float(seconds))
        job = ask("GET", f"{base}/v1/jobs/{job['job_id']}")
        print(f"{job['status']} {job['progress']:.0%}", file=sys.stderr, flush=True)
    if job["status"] == "completed":
        print(json.dumps(job["result"]))
        return 0
    if job["status"] == "failed":
        print(job["error"])
        return 1
    if job["status"] == "cancelled":
        print("cancelled")
        return 2
    raise SystemExit(f"what is {job['status']}?")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
