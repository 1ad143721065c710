"""Batch items depend on the jobs of earlier items."""

from callboard.jobs.batches.batch import cancel_batch
from callboard.jobs.finish import encode_result, finish
from tests.batch_moves import decide, new_batch, words_of
from tests.job_system import JobSystem
from tests.reading import read_record

SUCCESS = encode_result(1, max_bytes=100)
NOBODY = "ffffffff-0000-7000-8000-000000000000"


def run(job_system: JobSystem, job_id: str) -> None:
    claimed = job_system.claim(job_id)
    assert claimed.fence is not None, claimed.word
    finish(job_system.store, claimed.fence, SUCCESS)


def test_batch_items_fan_out_and_in(job_system: JobSystem) -> None:
    batch = new_batch(job_system, 5)
    after: list[tuple[str, ...]] = [(), ("#0",), ("#0",), ("#1", "#2"), ("#3",)]
    items = [job_system.new_submission(after=each, batch_id=batch.id) for each in after]

    words = words_of(decide(job_system, batch, items[:2]))
    words += words_of(decide(job_system, batch, items[2:], first=2))
    order = []
    for _ in range(4):
        ready = [i.job_id for i in items if job_system.status(i.job_id) == "queued"]
        order.append(len(ready))
        for each in ready:
            run(job_system, each)

    assert words == ["accepted"] * 5
    assert order == [1, 2, 1, 1]
    assert read_record(job_system, items[3].job_id).after == (items[1].job_id, items[2].job_id)


def test_an_item_that_refers_to_an_item_without_a_job_creates_none(job_system: JobSystem) -> None:
    batch = new_batch(job_system, 4)
    items = [
        job_system.new_submission(files=("file",)),
        job_system.new_submission(after=("#0",)),
        job_system.new_submission(after=("#1",)),
        job_system.new_submission(after=(NOBODY,)),
    ]

    decided = decide(job_system, batch, items)

    assert words_of(decided) == ["file_missing", "malformed", "malformed", "dependency_missing"]
    assert decided.outcomes[1].malformed == [("/after/0", "names item 0, which created no job")]


def test_an_item_depends_on_the_job_that_an_earlier_item_duplicates(job_system: JobSystem) -> None:
    running = job_system.running(fingerprint="a")
    batch = new_batch(job_system, 2)
    items = [
        job_system.new_submission(fingerprint="a"),
        job_system.new_submission(after=("#0",)),
    ]

    words = words_of(decide(job_system, batch, items))

    assert words == ["duplicate", "accepted"]
    assert read_record(job_system, items[1].job_id).waiting_for == (running.job_id,)


def test_a_batch_whose_jobs_wait_for_each_other_is_cancelled_as_a_whole(
    job_system: JobSystem,
) -> None:
    batch = new_batch(job_system, 30)
    items = [
        job_system.new_submission(after=(f"#{index - 1}",) if index else ()) for index in range(30)
    ]
    decide(job_system, batch, items)

    cancel_batch(job_system.store, batch.id)

    assert {job_system.status(each.job_id) for each in items} == {"cancelled"}


def test_messages_of_a_batch_refer_to_jobs_and_not_to_items(job_system: JobSystem) -> None:
    done = job_system.running(fingerprint="a")
    batch = new_batch(job_system, 2)
    items = [
        job_system.new_submission(fingerprint="a"),
        job_system.new_submission(after=("#0",), after_policy="finished"),
    ]
    first = decide(job_system, batch, items[:1])
    finish(job_system.store, done, SUCCESS)

    second = decide(job_system, batch, items[1:], first=1, before=first.outcomes)

    assert words_of(second) == ["accepted"]
    (message,) = [m for m in job_system.broker.messages if m.submission.after]
    assert message.submission.after == (done.job_id,)
