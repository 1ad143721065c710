"""Callbacks are verified by the JavaScript library of Standard Webhooks as well."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from callboard.jobs.callbacks.secrets import rotate
from tests.contract import node
from tests.office import Office
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
def office() -> Iterator[Office]:
    opened = Office()
    yield opened
    opened.close()


def test_javascript_verifies_a_callback_also_while_its_secret_is_rotated(
    tools: Path, office: Office, tmp_path: Path
) -> None:
    old = office.secret()
    rotate(office.world.store, "default", overlap=timedelta(days=1))
    with Receiver() as receiver:
        office.job(receiver)
        office.round(office.dispatcher(receiver))
    (request,) = receiver.received
    sent = {
        "body": request.body.decode(),
        "headers": dict(request.headers),
        "secrets": [office.secret(), old, office.secret("other")],
    }
    (tmp_path / "sent.json").write_text(json.dumps(sent), encoding="utf-8")
    program = tmp_path / "verify.cjs"
    program.write_text(VERIFY, encoding="utf-8")

    done = node.run(program, str(tools.parent), str(tmp_path / "sent.json"), cwd=tmp_path)

    assert done.stdout.split() == ["job.succeeded", "job.succeeded", "refused"], done.stderr


pytestmark = pytest.mark.timeout(240)  # the first session fetches the library
