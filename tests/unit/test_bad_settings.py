"""Any value of any variable is accepted or refused in one sentence."""

from itertools import product

import pytest

from callboard.config import ConfigurationError, Settings, load_settings
from callboard.config.settings import variables_of

NASTY = (
    ",", "-1", "nan", "²", "9" * 5000, "a\nb", "\x1b[2J", "\udc80", "x" * 70_000, "1.2.3.4/999",
    "a:b:c:d", "redis://h/٣", "amqp://[",
)  # fmt: skip


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_hostile_value_is_accepted_or_refused_in_one_sentence(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBOARD_TESTING", "true")
    faults = []
    for name, value in product(variables_of(field), NASTY):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            try:
                load_settings()
            except ConfigurationError as error:
                said = str(error)
                if "\n" in said or "\x1b" in said or len(said) > 500 or not said.isprintable():
                    faults.append((name, value[:20], said[:100]))
            except Exception as error:  # noqa: BLE001 — that is what must not be
                faults.append((name, value[:20], repr(error)[:200]))

    assert not faults
