"""Checks this machine and its settings: Python, packages, dangerous settings."""

import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from callboard.config import Settings
from callboard.config.values import is_loopback
from callboard.ops.doctor.result import CheckResult

OLDEST_PYTHON: Final = (3, 11)
# Only what a server needs: requirements of other extras have another marker.
_REQUIREMENT: Final = re.compile(
    r"""([\w.-]+)(?:\[[^\]]*\])?[^;]*>=\s*([\d.]+)[^;]*(?:;\s*extra == ["']server["'])?$"""
)


def check_packages(wanted: Sequence[str] | None = None) -> Iterator[CheckResult]:
    """Compare Python and the installed packages with the oldest that Callboard runs with.

    Args:
        wanted: requirements as `name>=version`; those of Callboard itself by default.
    """
    python = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield CheckResult(
            "python", "problem", f"Python {python} is too old.", "Install 3.11 or newer."
        )
    else:
        yield CheckResult("python", "ok", f"Python {python}, Callboard {version('callboard')}.")
    requirements = (requires("callboard") or ()) if wanted is None else wanted
    old = [said for each in requirements if (said := _too_old(each))]
    if old:
        yield CheckResult(
            "packages",
            "problem",
            f"Packages are missing or too old: {', '.join(old)}.",
            "Install the versions in requirements.lock.",
        )
    else:
        yield CheckResult("packages", "ok", "All packages are new enough.")


def check_settings(
    settings: Settings, *, stored_keys: int, callbacks: int, lost_keys: bool = False
) -> Iterator[CheckResult]:
    """Report settings that are dangerous or contradict what is in Redis.

    Args:
        settings: of this process; web and workers should have the same.
        stored_keys: how many API keys Redis has.
        callbacks: how many hosts wait for callbacks.
        lost_keys: whether Redis had keys once and lost them, rather than an operator revoking them.
    """
    found = [
        *_doors(settings, stored_keys, lost=lost_keys),
        *_callbacks(settings, callbacks),
        *_tests(settings),
        *_plain_wires(settings),
    ]
    yield from found
    if not any(result.level in ("warning", "problem") for result in found):
        yield CheckResult("settings", "ok", "No dangerous settings.")


def _doors(settings: Settings, stored_keys: int, *, lost: bool) -> Iterator[CheckResult]:
    if lost and not stored_keys:
        yield CheckResult(
            "settings keys",
            "problem",
            "Redis has lost its API keys: only keys in CALLBOARD_API_KEYS work.",
            "Run callboardctl keys create for each tenant. To give everyone access, revoke the "
            "last key with --last.",
        )
        return
    if settings.api_keys or settings.require_keys or stored_keys:
        return
    # Without keys, web listens only on loopback, but a proxy may forward to it.
    yield CheckResult(
        "settings keys",
        "warning" if settings.trusted_proxies else "note",
        "There are no API keys: everyone who can reach the web server has full access.",
        "Run callboardctl keys create, and set CALLBOARD_REQUIRE_KEYS=true.",
    )


def _callbacks(settings: Settings, callbacks: int) -> Iterator[CheckResult]:
    if settings.signing_key is None and callbacks:
        yield CheckResult(
            "settings callbacks",
            "problem",
            "Callbacks are waiting for delivery, but CALLBOARD_SIGNING_KEY is not set here.",
            "Set it to the previous key for web and workers; a new key changes all secrets.",
        )


def _tests(settings: Settings) -> Iterator[CheckResult]:
    if settings.testing:
        yield CheckResult(
            "settings testing",
            "problem",
            "CALLBOARD_TESTING is on: anyone who can write to Redis can move the clock.",
            "Unset it outside tests, and restart web and workers.",
        )
    if settings.log_level == "debug":
        yield CheckResult(
            "settings log", "note", "CALLBOARD_LOG_LEVEL is debug, which produces large logs."
        )


def _plain_wires(settings: Settings) -> Iterator[CheckResult]:
    wires = (
        ("RabbitMQ", settings.broker_url, ("amqp",), "amqps://"),
        ("Redis", settings.redis_url, ("redis",), "rediss://"),
    )
    for name, url, plain, better in wires:
        host = _plain_host(url, plain)
        if host and not is_loopback(host):
            yield CheckResult(
                "settings tls",
                "note",
                f"The connection to {name} on {host} is not encrypted.",
                f"Use {better} unless the network is private.",
            )


def _plain_host(url: SecretStr | None, plain: tuple[str, ...]) -> str | None:
    parts = urlsplit("" if url is None else url.get_secret_value())
    return parts.hostname if parts.scheme in plain else None


def _too_old(requirement: str) -> str | None:
    parts = _REQUIREMENT.match(requirement)
    if parts is None:
        return None
    name, oldest = parts[1], parts[2]
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"{name} (not installed)"
    return None if _numbers(installed) >= _numbers(oldest) else f"{name} {installed} (< {oldest})"


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
