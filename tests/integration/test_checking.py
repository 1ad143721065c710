"""Large parameters are validated in another process, with the same result."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from callboard.api.parsing import parse_json
from callboard.config import Settings
from callboard.jobs.errors import InvalidParameters, OperationFault
from callboard.jobs.files.records import FileRecord
from callboard.jobs.operation import Check, Operation
from callboard.ops.checking.process import CheckProcess
from tests import checking_operations
from tests.eventually import eventually

MANY: Final = 1001  # one more than the reported errors
SMALL: Final = MANY // 2
FILE: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
RECORD: Final = FileRecord(
    id=FILE,
    tenant="default",
    kind="upload",
    name="a.txt",
    media_type="text/plain",
    size=3,
    sha256="ab" * 32,
    created_at=datetime(2030, 1, 1, tzinfo=UTC),
    expires_at=datetime(2030, 1, 2, tzinfo=UTC),
    object="o",
    in_use=False,
)

ASKING: Final = """\
from callboard.config import Settings
from callboard.ops.checking.process import CheckProcess
from tests.checking_operations import odd
process = CheckProcess(Settings(operations=("tests.checking_operations",)))
process(odd, {"value": [None] * 9000, "how": "hang"})
"""


@pytest.fixture(scope="module")
def apart() -> Iterator[CheckProcess]:
    settings = Settings(operations=("tests.checking_operations",))
    with closing(CheckProcess(settings, small_bytes=SMALL)) as process:
        yield process


def declared(name: str) -> Operation:
    found = getattr(checking_operations, name)
    assert isinstance(found, Operation)
    return found


def told(check: Check, name: str, params: Mapping[str, Any]) -> Any:
    """Return the content of a submission, or the reason for its refusal."""
    try:
        found = check(declared(name), params)
        known = {use.file_id: RECORD for use in found.uses}
        return dict(found.params), list(found.uses), found.digests(known)
    except InvalidParameters as error:
        return error.errors
    except OperationFault as error:
        return str(error), error.exception


def agree(apart: Check, name: str, params: Mapping[str, Any]) -> bool:
    """Return whether both agree; to show the difference would take minutes."""
    return bool(told(apart, name, params) == told(Operation.validated, name, params))


def large(piece: str, more: str = "") -> Any:
    """Parse parameters with all their digits."""
    return parse_json(f'{{"value":[{",".join([piece] * MANY)}]{more}}}'.encode())


@pytest.mark.parametrize(
    ("name", "piece", "more"),
    [
        ("choose", "[1]", ""),
        ("choose", '"ab"', ""),
        ("exact", '"1.50"', ""),
        ("exact", "0.1", ""),
        ("exact", "0.1000000000000000055511151231257827", ""),
        ("number", "1.0", ""),
        ("number", "1.5", ""),
        ("number", "18446744073709551615", ""),
        ("made", '{"n":1,"token":"a"}', ""),
        ("made", '{"n":1,"token":"a","b":2}', ""),
        ("once", "-0.0", ""),
        ("once", "1.5", f',"page":"{FILE}"'),
        ("counted", '"łódź"', f',"page":"{FILE}"'),
        ("shared", "-0.0", ""),
        ("shared", "1.5", f',"page":"{FILE}"'),
        ("unruly", "1", ""),
        ("odd", "null", ',"how":"raise"'),
        ("odd", "null", ',"what":"how"'),
    ],
)
def test_the_check_process_decides_like_the_web_process(
    apart: CheckProcess, name: str, piece: str, more: str
) -> None:
    params = large(piece, more)

    assert agree(apart, name, params)
    assert apart.pid is not None


def test_defaults_created_in_the_check_process_are_kept(apart: CheckProcess) -> None:
    kept = apart(declared("made"), large('{"n":1}')).params

    assert len({each["token"] for each in kept["value"]}) == MANY
    assert bool(apart(declared("made"), kept).params == kept)


def test_small_parameters_are_checked_in_the_web_process() -> None:
    with closing(CheckProcess(Settings(operations=("tests.checking_operations",)))) as process:
        found = process(declared("choose"), {"value": [1, "a"]})

        assert found.params == {"value": [1, "a"]}
        assert process.pid is None


def test_the_check_process_starts_before_the_first_large_request() -> None:
    settings = Settings(operations=("tests.checking_operations",))
    with closing(CheckProcess(settings, small_bytes=SMALL)) as process:
        process.start_ahead(timedelta(0))
        pid = eventually(lambda: process.pid, what="it is started")

        assert agree(process, "choose", large("1"))
        assert process.pid == pid


def test_a_check_process_closed_during_its_start_ends_for_good() -> None:
    settings = Settings(operations=("tests.slow_import_operations",))
    process = CheckProcess(settings, small_bytes=SMALL)
    process.start_ahead(timedelta(0))
    pid = eventually(lambda: process.pid, what="it is started")
    child = psutil.Process(pid)

    process.close()

    assert _has_ended(child)
    with pytest.raises(OperationFault, match="its process ended"):
        process(declared("choose"), large("1"))
    assert process.pid is None


def test_an_error_in_an_operations_code_names_its_place(apart: CheckProcess) -> None:
    with pytest.raises(OperationFault) as raised:
        apart(declared("odd"), large("null", ',"how":"raise"'))

    assert "checking_operations.py" in raised.value.stack
    assert str(raised.value).endswith("failed to check the parameters: its code raised KeyError.")


def test_a_check_process_ended_by_a_validator_is_replaced(apart: CheckProcess) -> None:
    with pytest.raises(OperationFault, match=r"'odd' failed to check the .*: its process ended"):
        apart(declared("odd"), large("null", ',"how":"die"'))

    assert agree(apart, "choose", large("1"))


def test_a_check_process_killed_between_two_requests_costs_no_answer(
    apart: CheckProcess,
) -> None:
    told(apart, "choose", large("1"))
    assert apart.pid is not None
    os.kill(apart.pid, signal.SIGKILL)

    assert agree(apart, "choose", large("1"))


def test_a_hanging_validator_is_ended_at_its_time_limit() -> None:
    settings = Settings(operations=("tests.checking_operations",))
    with closing(CheckProcess(settings, within=timedelta(seconds=3), small_bytes=SMALL)) as process:
        with pytest.raises(OperationFault, match=r"'odd' failed to check .* longer than 3 s"):
            process(declared("odd"), large("null", ',"how":"hang"'))

        assert agree(process, "choose", large("1"))


def test_the_check_process_ends_with_its_web_process() -> None:
    asking = subprocess.Popen(
        [sys.executable, "-c", ASKING], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert asking.stdout is not None
    with asking, asking.stdout as said:
        child = psutil.Process(int(said.readline()))

        asking.kill()

        eventually(lambda: _has_ended(child), what="the check process ends")


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
