"""The JavaScript library of Standard Webhooks verifies callbacks."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from callboard.jobs.callbacks.secrets import rotate
from tests.callback_system import CallbackSystem
from tests.contract import node
from tests.receiver import Receiver

VERIFY = """\
const { readFileSync } = require("node:fs");
const { Webhook } = require(process.argv[2] + "/standardwebhooks");
const { body, headers, secrets } = JSON.parse(readFileSync(process.argv[3], "utf-8"));
for (const secret of secrets) {
  let said = "refused";
  try { said = new Webhook(secret).verify(body, headers).type; } catch { }
  console.log(said);
}
"""


@pytest.fixture
def callback_system() -> Iterator[CallbackSystem]:
    opened = CallbackSystem()
    yield opened
    opened.close()


def test_javascript_verifies_a_callback_even_during_a_secret_rotation(
    tools: Path, callback_system: CallbackSystem, tmp_path: Path
) -> None:
    old = callback_system.secret()
    rotate(callback_system.job_system.store, "default", overlap=timedelta(days=1))
    with Receiver() as receiver:
        callback_system.job(receiver)
        callback_system.round(callback_system.dispatcher(receiver))
    (request,) = receiver.received
    sent = {
        "body": request.body.decode(),
        "headers": dict(request.headers),
        "secrets": [callback_system.secret(), old, callback_system.secret("other")],
    }
    (tmp_path / "sent.json").write_text(json.dumps(sent), encoding="utf-8")
    program = tmp_path / "verify.cjs"
    program.write_text(VERIFY, encoding="utf-8")

    done = node.run(program, str(tools.parent), str(tmp_path / "sent.json"), cwd=tmp_path)

    assert done.stdout.split() == ["job.succeeded", "job.succeeded", "refused"], done.stderr


pytestmark = pytest.mark.timeout(240)  # the first session fetches the library
