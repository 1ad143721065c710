"""The image runs as an unprivileged user, with read-only code and without secrets."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SECRET = re.compile(r"password|secret|token|api_?key|signing", re.IGNORECASE)


def stages() -> list[list[str]]:
    """Split the Dockerfile into stages, each with its instructions on one line."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    lines = [line for line in joined.splitlines() if line.strip()]
    starts = [index for index, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]


def argument(lines: list[str], word: str) -> str:
    (line,) = [line for line in lines if line.startswith(f"{word} ")]
    return line.removeprefix(f"{word} ")


def test_every_process_runs_as_a_numbered_user_other_than_root() -> None:
    *_, final = stages()

    user = argument(final, "USER")

    assert user.isdecimal()
    assert int(user) >= 1000
    assert f"--uid {user} " in argument(final, "RUN")
    after = [line.split()[0] for line in final[final.index(f"USER {user}") + 1 :]]
    assert not {"RUN", "COPY", "ADD", "USER"} & set(after)


def test_that_user_owns_only_the_folder_of_files() -> None:
    *_, final = stages()

    owned = re.findall(r"--owner \S+ .*?(/\S+)", argument(final, "RUN"))

    assert owned == ["/var/lib/callboard"]
    assert not [line for line in final if "chown" in line or "chmod" in line]


def test_the_image_installs_only_the_locked_packages() -> None:
    lines = [line for stage in stages() for line in stage]

    installs = [line for line in lines if "pip install" in line]

    locks = [line.rpartition(" ")[2] for line in installs]
    assert locks == [".ci/installer.lock", "requirements.lock", "."]
    assert all("--no-deps" in line for line in installs)
    assert all("--require-hashes -r" in line for line in installs[:2])
    assert all("--no-build-isolation" in line for line in installs[1:])
    assert not [
        line for line in lines if line.startswith("ADD") or "curl" in line or "wget" in line
    ]


def test_the_image_contains_no_secret() -> None:
    lines = [line for stage in stages() for line in stage]
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()

    named = [line for line in lines if line.startswith(("ARG", "ENV")) and SECRET.search(line)]

    assert named == []
    # Everything not listed is excluded, such as .env and the history.
    patterns = [line for line in ignored if line and not line.startswith("#")]
    assert patterns[0] == "*"
    packages = {
        "!actors",
        "!api",
        "!callboard",
        "!client",
        "!config",
        "!jobs",
        "!ops",
        "!telemetry",
    }
    others = {"!.ci/installer.lock", "!pyproject.toml", "!requirements.lock", "!README.md"}
    assert {each for each in patterns if each.startswith("!")} == packages | others


@pytest.mark.parametrize("name", ["web", "worker"])
def test_compose_drops_every_privilege(name: str) -> None:
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))

    service = compose["services"][name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
