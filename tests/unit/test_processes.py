"""Procfile, compose file and image start the same processes with settings that exist."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from callboard.config.settings import Settings, variables_of

pytestmark = pytest.mark.check

COMPOSE: dict[str, Any] = yaml.safe_load(Path("docker-compose.yml").read_text("utf-8"))
SETTINGS = {name for field in Settings.model_fields for name in variables_of(field)}
NOT_OURS = {"RABBITMQ_PASSWORD"}


def _procfile() -> dict[str, list[str]]:
    lines = Path("Procfile").read_text("utf-8").splitlines()
    return {
        name: shlex.split(command) for name, _, command in (line.partition(": ") for line in lines)
    }


@pytest.mark.parametrize("process", ["web", "worker"])
def test_compose_runs_the_command_of_the_procfile(process: str) -> None:
    procfile = [word for word in _procfile()[process] if word not in ("exec", "env")]

    assert COMPOSE["services"][process]["command"] == [
        word for word in procfile if not re.match(r"\w+=", word)
    ]


def test_the_image_runs_the_web_command_of_the_procfile() -> None:
    command = re.search(r"^CMD (\[.*\])$", Path("Dockerfile").read_text("utf-8"), re.MULTILINE)

    assert command
    assert ["exec", *json.loads(command[1])] == _procfile()["web"]


def test_every_variable_in_compose_and_procfile_is_a_setting() -> None:
    set_by_services = {
        name
        for process in ("web", "worker")
        for name in COMPOSE["services"][process]["environment"]
    }
    texts = Path("docker-compose.yml").read_text("utf-8") + Path("Procfile").read_text("utf-8")
    taken_from_outside = set(re.findall(r"\$\{(\w+)", texts))

    assert set_by_services | taken_from_outside <= SETTINGS | NOT_OURS


def test_compose_refuses_to_publish_the_web_server_without_keys() -> None:
    keys = COMPOSE["services"]["web"]["environment"]["CALLBOARD_API_KEYS"]

    assert keys.startswith("${CALLBOARD_API_KEYS:?")


def test_workers_can_be_scaled_and_only_the_web_server_is_published_on_loopback() -> None:
    services = COMPOSE["services"]

    assert not {"container_name", "ports", "hostname"} & services["worker"].keys()
    assert [name for name, service in services.items() if "ports" in service] == ["web"]
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"]


def test_redis_never_evicts_and_has_an_append_only_file() -> None:
    command = " ".join(COMPOSE["services"]["redis"]["command"])

    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
