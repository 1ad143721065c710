"""The files in deploy/ configure what Callboard needs, and RabbitMQ accepts them."""

import json
from datetime import timedelta
from pathlib import Path

from tests.servers import RabbitMQ

A_DAY_MS = timedelta(hours=24) // timedelta(milliseconds=1)


def test_a_node_with_our_configuration_lets_jobs_run_for_a_day(tmp_path: Path) -> None:
    lines = Path("deploy/rabbitmq.conf").read_text("utf-8").splitlines()
    options = dict(line.split(" = ") for line in lines if line and not line.startswith("#"))
    node = RabbitMQ(tmp_path, options=options)

    node.start()
    try:
        consumer_timeout = node.ctl("eval", "application:get_env(rabbit, consumer_timeout).")
        heartbeat = node.ctl("eval", "application:get_env(rabbit, heartbeat).")
    finally:
        node.close()

    assert consumer_timeout.strip() == f"{{ok,{A_DAY_MS}}}"
    assert heartbeat.strip() == "{ok,30}"


def test_the_policy_for_a_shared_node_has_the_same_settings() -> None:
    definitions = json.loads(Path("deploy/rabbitmq-definitions.json").read_text("utf-8"))

    assert definitions["policies"][0]["definition"] == {"consumer-timeout": A_DAY_MS}
