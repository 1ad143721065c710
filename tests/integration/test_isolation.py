"""Functions in child processes: they behave like those in threads, and can be killed."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from callboard.jobs.cancel import cancel
from callboard.jobs.job import Job
from callboard.jobs.log import read_log
from callboard.jobs.progress import ProgressReport
from callboard.jobs.record import Record
from callboard.jobs.results import read_result
from tests.eventually import eventually
from tests.integration.test_embedded_worker import Embedded, kind_of
from tests.integration.test_worker_files import Desk

OPERATIONS = "tests.apart_operations"


class Apart(Desk):
    """One process, whose fork server may start slowly on a busy machine."""

    def ended(self, job_id: str, timeout: float = 60) -> Record:
        return super().ended(job_id, timeout)


@pytest.fixture(scope="module")
def apart() -> Iterator[Desk]:
    made = Apart(f"test-{secrets.token_hex(6)}", operations=OPERATIONS, max_result_bytes="1MiB")
    made.start()
    yield made
    made.stop()


def fork_servers() -> set[psutil.Process]:
    """Find this process's fork servers."""
    return {
        each
        for each in psutil.Process().children()
        if each.status() != psutil.STATUS_ZOMBIE
        and "callboard.actors.isolation.fork_server" in " ".join(each.cmdline())
    }


def pid_of(apart: Embedded, operation: str = "return_pid", **params: str) -> int:
    result = apart.run(operation, **params).result
    return int(result if isinstance(result, int) else result["pid"])


def running(apart: Embedded, operation: str, **params: object) -> str:
    job_id = apart.submit(operation, **params)
    eventually(lambda: apart.read(job_id).status == "running", what="the job runs")
    return job_id


def lines(apart: Embedded, job_id: str) -> list[str]:
    return [line.text for line in read_log(apart.store, job_id, after=0, most=100).lines]


def pids_in(note: Path) -> list[int]:
    return [int(pid) for pid in note.read_text().split()] if note.exists() else []


def test_a_function_runs_in_a_child_process_that_is_reused(apart: Desk) -> None:
    pids = {pid_of(apart) for _ in range(5)}

    assert os.getpid() not in pids
    assert len(pids) == 1


def test_an_isolated_job_has_progress_log_retries_and_result_like_any_other(apart: Desk) -> None:
    ended = apart.run("report_well")

    assert (ended.status, ended.failures) == ("succeeded", 1)
    assert ended.result == f"{ended.id} 2"
    assert ended.progress.step == "First"
    assert lines(apart, ended.id) == ["— First", "a line"] * 2


def test_an_async_function_runs_in_an_event_loop_of_the_child(apart: Desk) -> None:
    assert apart.run("wait_async", seconds=0.01).result == 0.01


def test_an_isolated_job_reads_and_returns_files(apart: Desk) -> None:
    file_id = apart.upload(b"one two ")

    ended = apart.run("copy", document=file_id)

    assert ended.status == "succeeded", ended.error
    assert ended.result["original"]["id"] == file_id
    assert apart.content(ended.result["copy"]["id"]) == b"one two one two "
    assert apart.left_in_staging() == []


@pytest.mark.parametrize(
    ("how", "status", "kind", "detail"),
    [
        ("failure", "failed", "failure", "there is nothing in it"),
        ("numpy", "failed", "failure", "there is nothing in it"),
        ("unsendable", "failed", "exception", "Unsendable: <class 'object'> and 2"),
        ("exit", "failed", "exception", "SystemExit: no more"),
        ("interruption", "failed", "cancelled", "The job was told to stop."),
        ("object", "failed", "result-not-serialisable", "The result cannot be sent"),
        ("large", "failed", "result-too-large", "The result takes 2000005 bytes"),
    ],
)
def test_failures_in_a_child_are_those_of_a_thread(
    apart: Desk, how: str, status: str, kind: str, detail: str
) -> None:
    ended = apart.run("fail", how=how)

    assert ended.error is not None
    assert (ended.status, kind_of(ended)) == (status, kind)
    assert ended.error["detail"].startswith(detail)
    assert ended.error["retryable"] is (kind == "exception")
    if kind == "exception":
        assert "apart_operations.py" in ended.error["traceback"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("segfault", "was ended by SIGSEGV."),
        ("abort", "was ended by SIGABRT."),
        ("realtime", "was ended by signal 40."),
        ("kill", "was ended by SIGKILL, possibly because the machine ran out of memory."),
        ("exit", "ended with exit code 3."),
        ("nothing", "ended with exit code 0."),
    ],
)
def test_a_process_that_ends_by_itself_is_a_failure_of_its_job(
    apart: Desk, how: str, said: str
) -> None:
    ended = apart.run("crash", how=how)

    assert ended.error is not None
    assert (ended.status, kind_of(ended), ended.crashes) == ("failed", "crashed", 0)
    assert ended.error["detail"] == f"The function's process {said}"


def test_a_truncated_answer_is_no_answer(apart: Desk) -> None:
    ended = apart.run("die_while_answering", mebibytes=300)

    assert (ended.status, kind_of(ended)) == ("failed", "crashed")


@pytest.mark.alone
def test_a_loop_in_c_ends_soon_after_its_time_limit(apart: Desk) -> None:
    began = time.monotonic()

    ended = apart.run("loop_late")

    assert (ended.status, kind_of(ended)) == ("failed", "timeout")
    assert time.monotonic() - began < 0.3 + 2


def test_a_function_that_ignores_signals_is_killed(apart: Desk) -> None:
    ended = apart.run("defy")

    assert (ended.status, kind_of(ended)) == ("failed", "timeout")
    assert lines(apart, ended.id) == ["(the function did not stop; its process is killed)"]


def test_a_stopped_function_may_clean_up(apart: Desk, tmp_path: Path) -> None:
    note = tmp_path / "note"

    ended = apart.run("clean_up_late", note=str(note))

    assert kind_of(ended) == "timeout"
    assert note.read_text() == "cleaned up"


def test_a_cancel_wakes_a_function_that_sleeps(apart: Desk, tmp_path: Path) -> None:
    note = tmp_path / "note"
    pid = pid_of(apart)
    job_id = running(apart, "sleep", seconds=60, note=str(note))

    assert cancel(apart.store, job_id) == "cancelling"

    assert apart.ended(job_id).status == "cancelled"
    assert note.read_text() == "interrupted"
    assert pid_of(apart) == pid


@pytest.mark.alone
@pytest.mark.parametrize("after", [0, 2], ids=["at_first", "after_two_that_it_does_not_heed"])
def test_a_forced_cancel_ends_a_loop_in_c_and_all_that_it_started(
    apart: Desk, tmp_path: Path, after: int
) -> None:
    note = tmp_path / "pids"
    job_id = running(apart, "loop_long", pids=str(note))
    pids = eventually(lambda: pids_in(note), what="the loop is about to begin")
    words = [cancel(apart.store, job_id) for _ in range(after)]
    began = time.monotonic()

    words.append(cancel(apart.store, job_id, force=True))

    assert set(words) == {"cancelling"}
    assert apart.ended(job_id).status == "cancelled"
    assert time.monotonic() - began < 2
    eventually(lambda: not any(map(psutil.pid_exists, pids)), what="all of it has ended")


@pytest.mark.alone
def test_a_repeated_cancel_does_not_shorten_the_time_to_stop(apart: Desk, tmp_path: Path) -> None:
    note = tmp_path / "note"
    job_id = running(apart, "stop_slowly", note=str(note))
    eventually(note.exists, what="the function runs")

    cancel(apart.store, job_id)
    eventually(lambda: note.read_text() == "cleaning up", what="the function has heard of it")
    for _ in range(2):
        cancel(apart.store, job_id)

    assert apart.ended(job_id).status == "cancelled"
    assert note.read_text() == "cleaned up"


def test_a_job_in_a_thread_reports_that_it_cannot_be_forced(apart: Desk) -> None:
    job_id = running(apart, "loop_in_thread", seconds=1)

    cancel(apart.store, job_id, force=True)

    assert apart.ended(job_id).status == "cancelled"
    assert any("cannot be forced" in line for line in lines(apart, job_id))


def test_memory_beyond_the_limit_fails_its_own_job_only(apart: Desk) -> None:
    others = [apart.submit("sleep", seconds=0.5) for _ in range(2)]

    ended = apart.run("take_memory", mebibytes=600)

    assert ended.error is not None
    assert (ended.status, kind_of(ended)) == ("failed", "out-of-memory")
    assert "256MiB" in ended.error["detail"]
    assert apart.run("take_memory", mebibytes=16).result == 16 * 1024**2
    assert [apart.ended(job_id).status for job_id in others] == ["succeeded", "succeeded"]


def test_a_function_can_catch_a_memory_error_and_continue_with_less(apart: Desk) -> None:
    assert apart.run("do_with_less", mebibytes=600).result == 0
    assert apart.run("do_with_less", mebibytes=16).result == 16 * 1024**2


def test_memory_of_started_programs_counts(apart: Desk) -> None:
    ended = apart.run("have_memory_taken", mebibytes=400)

    assert (ended.status, kind_of(ended)) == ("failed", "out-of-memory")


@pytest.mark.parametrize("how", ["stdout", "timer"])
def test_memory_left_by_one_function_does_not_fail_another(apart: Desk, how: str) -> None:
    pid = pid_of(apart, "leave_behind", how=how)

    assert apart.run("sleep", seconds=0.3).status == "succeeded"
    assert pid_of(apart) == pid


def test_memory_left_by_earlier_functions_does_not_count(apart: Desk) -> None:
    pid_of(apart, "leave_behind", how="memory")

    ended = apart.run("take_memory", mebibytes=16, seconds=0.5)

    assert ended.status == "succeeded", ended.error


@pytest.mark.parametrize(("how", "status"), [("crash", "failed"), ("daemon", "cancelled")])
def test_processes_that_a_function_starts_end_with_its_child(
    apart: Desk, tmp_path: Path, how: str, status: str
) -> None:
    note = tmp_path / "pid"
    job_id = apart.submit("leave_a_stray", note=str(note), how=how)
    (pid,) = eventually(lambda: pids_in(note), what="it has started something", timeout=30)

    if how == "daemon":
        cancel(apart.store, job_id, force=True)

    assert apart.ended(job_id).status == status
    eventually(lambda: not psutil.pid_exists(pid), what="what it has started has ended")


def test_stop_signals_from_others_than_the_worker_are_ignored(
    apart: Desk,
) -> None:
    pid = pid_of(apart, "leave_behind", how="signals")
    job_id = running(apart, "sleep", seconds=0.7)
    for each in (psutil.Process(pid), *fork_servers()):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            each.send_signal(number)

    assert apart.ended(job_id).status == "succeeded"
    assert pid_of(apart) == pid


def test_a_function_may_fork_processes_of_its_own(apart: Desk) -> None:
    assert apart.run("fork_pool", numbers=[-1, 2]).result == [1, 2]


def test_sigterm_ends_forked_processes_as_usual(apart: Desk) -> None:
    ended = apart.ended(apart.submit("fork_and_terminate", times=100), timeout=30)

    assert ended.result == [-signal.SIGTERM], ended.error


def test_a_child_has_no_open_files_of_the_worker(apart: Desk) -> None:
    apart.run("sleep", seconds=0)

    ended = apart.run("count_descriptors")

    sockets = [each for each in ended.result if each.startswith("socket:")]
    assert len(sockets) == 1


def test_a_started_program_inherits_no_open_files_of_the_child(apart: Desk) -> None:
    ended = apart.run("count_descriptors_of_a_program")

    assert set(ended.result) == {"0", "1", "2", "3"}  # and the folder that it lists


def test_a_killed_idle_child_fails_no_job(apart: Desk) -> None:
    pid = pid_of(apart)
    os.kill(pid, signal.SIGKILL)

    ended = apart.run("return_pid")

    assert ended.status == "succeeded"
    assert ended.attempt == 1
    assert ended.result["pid"] != pid


def test_a_fork_server_that_was_killed_is_replaced(apart: Desk) -> None:
    child = pid_of(apart)
    job_id = running(apart, "sleep", seconds=60)
    (lost,) = fork_servers()

    lost.kill()

    ended = apart.ended(job_id)
    assert (ended.status, kind_of(ended)) == ("failed", "crashed")
    eventually(lambda: not psutil.pid_exists(child), what="its children have ended with it")
    assert apart.run("return_pid").status == "succeeded"
    assert lost not in fork_servers()


def test_reports_of_a_child_are_merged_with_uncollected_ones() -> None:
    job = Job("any", 1)
    job.log("first")

    job.absorb(ProgressReport(percent=50.0, step="On", lines=["1.0 second"] * 2000))

    collected = job.collect()
    assert collected is not None
    assert (collected.percent, collected.step) == (50.0, "On")
    assert len(collected.lines) == 1001
    assert "(1001 lines dropped)" in collected.lines[-1]


def test_a_childs_result_is_validated_like_any_other(apart: Desk) -> None:
    ended = apart.run("return_pid", text="ünï")

    assert read_result(apart.store, ended.id)["text"] == "ünï"
