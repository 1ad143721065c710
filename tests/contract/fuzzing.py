"""Runs the fuzzer against an installation."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callboard.config.environment import bare_environment
from tests.system.stack import ROOT

_PATIENCE_SECONDS: Final = 120

_CONFIG: Final = """\
max-stream-events = 1
[auth.wfc]
path = "{auth}"
peers = ["first", "second"]

[generation]
database = "none"

# The defaults, and 410, which is 404 for a purged job: no schema can express whether a job was
# removed, its version (412) or its length (416).
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410", "412", "416", "429", "5xx"]
"""


@dataclass(frozen=True)
class Findings:
    """How a run of the fuzzer ended."""

    found: bool
    output: str


def fuzz(url: str, keys: dict[str, str], folder: Path, *, seconds: int) -> Findings:
    """Send all kinds of requests, valid and invalid, single and in sequences, with all checks.

    Args:
        url: address of the server.
        keys: by caller; `first` and `second` must not see each other's jobs.
        folder: for the fuzzer's output.
        seconds: how long it runs.
    """
    auth = folder / "auth.json"
    users = [
        {
            "name": name,
            "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {key}"}],
        }
        for name, key in keys.items()
    ]
    auth.write_text(json.dumps({"auth": users}), encoding="utf-8")
    config = folder / "schemathesis.toml"
    config.write_text(_CONFIG.format(auth=auth), encoding="utf-8")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={config}",
            "run",
            f"{url}/openapi.json",
            "--checks=all",
            "--workers=1",  # with two workers, one may break the other's parsing of Python (3.11)
            "--continue-on-failure",
            "--request-timeout=20",
            f"--max-time={seconds}",
            "--no-color",
        ],
        cwd=folder,
        env=bare_environment(
            SCHEMATHESIS_HOOKS="tests.contract.hooks", PYTHONPATH=f"{ROOT}{os.pathsep}"
        ),
        capture_output=True,
        text=True,
        timeout=seconds + _PATIENCE_SECONDS,
        check=False,
    )
    return Findings(found=done.returncode != 0, output=done.stdout + done.stderr)
