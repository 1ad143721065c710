"""A warning is logged once per subject and interval."""

import pytest

from callboard.telemetry.limited_warnings import LimitedWarnings
from callboard.telemetry.log_events import LogEvent
from callboard.telemetry.logger import get_logger
from tests.logs import capture_logs

pytestmark = pytest.mark.check


@pytest.mark.parametrize(("interval_s", "logged"), [(60, ["a", "b"]), (0, ["a", "a", "b"])])
def test_each_subject_is_warned_about_once_in_an_interval(
    interval_s: float, logged: list[str]
) -> None:
    warnings = LimitedWarnings(get_logger("ours"), interval_s=interval_s)

    with capture_logs() as lines:
        for subject in ("a", "a", "b"):
            warnings.warn(LogEvent.OPERATION_UNKNOWN, subject, answer=subject)

    assert [(line["event"], line["answer"]) for line in lines] == [
        ("operation_unknown", each) for each in logged
    ]
