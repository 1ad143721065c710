"""Telemetry is an extra: without its packages everything else works."""

import subprocess
import sys

from callboard.config.environment import bare_environment

WITHOUT = "import sys; sys.modules['opentelemetry'] = None; "


def python(code: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + code],
        env=bare_environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_the_packages_telemetry_refuses_to_start_with_one_sentence() -> None:
    done = python(
        "from callboard.config import load_settings_or_exit; load_settings_or_exit()",
        CALLBOARD_TELEMETRY="OTLP",
    )

    assert done.returncode == 2
    assert done.stderr == (
        "Callboard cannot start: CALLBOARD_TELEMETRY=otlp needs packages that are not installed; "
        "install callboard[telemetry], or set it to off\n"
    )


def test_with_telemetry_off_its_packages_are_not_imported() -> None:
    done = python(
        "from callboard.actors.container import build_container;"
        "from callboard.actors.worker import WorkerLifecycle;"
        "from callboard.config import load_settings;"
        "from callboard.ops.servers.web import application;"
        "from callboard.telemetry.traces import Telemetry;"
        "from callboard.api.waiting.events import Events;"
        "settings = load_settings(); telemetry = Telemetry.of(settings, process='test');"
        "container = build_container(settings);"
        "WorkerLifecycle(container, supervised=False, telemetry=telemetry).install();"
        "application(container, Events(lambda: None, 'events'), telemetry);"
        "print(telemetry, sorted(n for n in sys.modules if n.endswith('.spans')))"
    )

    assert done.stdout == "None []\n", done.stderr
