"""All actions of clients, workers, brokers and housekeepers, compared with a model."""
# long: one machine drives clients, workers, dispatchers and the housekeeper side by side

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from redis import Redis

from callboard.config import Rate
from callboard.jobs.batches.batch import cancel_batch, seal_batches
from callboard.jobs.callbacks.deliver import keep_body
from callboard.jobs.callbacks.retry_delay import Attempted
from callboard.jobs.cancel import cancel
from callboard.jobs.consistency.check import ConsistencyCheck
from callboard.jobs.dependents import check_dependencies, settle_dependents
from callboard.jobs.errors import BatchNotFound, JobActive, JobNotFound
from callboard.jobs.fence import Fence
from callboard.jobs.finish import RunOutcome, encode_result, finish
from callboard.jobs.limit import limit
from callboard.jobs.operation_limits import CapacityGroup
from callboard.jobs.preempt import preempt
from callboard.jobs.progress import LogBounds, ProgressReport, progress
from callboard.jobs.promote import promote
from callboard.jobs.publisher import Wakeup
from callboard.jobs.purge import purge, purge_expired
from callboard.jobs.rate_quota import Charge, submissions_policy
from callboard.jobs.reap import reap
from callboard.jobs.reconcile import reconcile
from callboard.jobs.relay import confirm, relay_outbox
from callboard.jobs.release import release
from callboard.jobs.renew import renew
from callboard.jobs.retry import retry
from callboard.jobs.saved_state import save_state
from callboard.jobs.snooze import snooze
from callboard.jobs.submission import Submission
from callboard.jobs.unblock import unblock_jobs
from callboard.jobs.workers import heartbeat_worker, remove_worker
from tests import invariants
from tests.batch_moves import decide, new_batch, words_of
from tests.delivery_moves import DOWN, EVERYTHING, OK, callback, done, take
from tests.invariants import look
from tests.job_system import LEASE, LIMITS, START_MS, JobSystem
from tests.model import FINAL, Model

MAX_ACTIVE = (9, 6)
GROUP = CapacityGroup("pair", 4, ("single", "double"))
MINUTE_MS = 60_000
TWO_HOURS_MS = 120 * MINUTE_MS
MAX_KEPT_MS = 25 * 60 * MINUTE_MS
SUCCESS = encode_result({"found": 1}, max_bytes=100)
DELAY = timedelta(seconds=1)
FAILURE = RunOutcome(error={"type": "failure", "detail": "no"})

OPERATIONS = st.sampled_from(["single", "double", "shared", "single", "shared", "free"])
RESOURCES = st.sampled_from(
    ["", "", "resource:gpu=1", "resource:gpu=2", "resource:gpu=1,resource:licence=1"]
)
PRIORITIES = st.sampled_from([5, 5, 0, 10])
NEWEST_FIRST = st.integers(0, 3) | st.integers(0, 40)
MAYBE = st.sampled_from([False, False, False, True])
WAITS_MS = st.sampled_from(
    [1, 400, 1100, 3000, 6000, 9000, 11_000, 21_000, 61_000, 15 * MINUTE_MS, MAX_KEPT_MS]
)
WAYS = ("succeeded", "failed", "retry", "release", "preempt", "progress", "save")
RATE = Rate(3, timedelta(seconds=10))
OWN_RATE = Rate(2, timedelta(seconds=60))
PAYERS = st.sampled_from([None, None, None, "default", "other"])
CALLBACKS = st.sampled_from([None, None, callback(), callback("other.example", EVERYTHING)])
ENDS = st.sampled_from([OK, OK, DOWN, DOWN, Attempted(code=410), None])
MAINTENANCE_TASKS = (
    *("reap", "promote", "reconcile", "relay", "purge", "unblock", "seal"),
    *("settle", "check"),
)
AFTER = st.sampled_from([(), (), (), (0,), (0, 1), (1, 4), (2,)])


class Callboard(RuleBasedStateMachine):
    """Drives the real scripts and the model side by side, and compares everything each time."""

    def __init__(self, client: Redis) -> None:
        super().__init__()
        client.flushall()
        self.job_system = JobSystem(client)
        self.store = self.job_system.store
        self.model = Model(START_MS, LEASE // timedelta(milliseconds=1), *MAX_ACTIVE, GROUP)
        limit(self.store, LIMITS, source="declared")
        self.submissions: list[Submission] = []
        self.batches: dict[str, list[str]] = {}
        self.claims: list[tuple[str, str]] = []
        self.fences: list[Fence] = []
        self.delivered: list[Wakeup] = []
        self.purged: set[str] = set()
        self.confirmations: list[tuple[str, str, str]] = []
        self.kept: tuple[Any, Model] | None = None
        self.seen = look(self.store)
        self.reserved = False
        self.wrong: list[str] = []

    # Clients.

    @initialize(
        operations=st.lists(OPERATIONS, min_size=2, max_size=5),
        slots=RESOURCES,
        priority=PRIORITIES,
        named=st.integers(0, 3),
    )
    def begin_with_a_few_jobs(
        self, operations: list[str], slots: str, priority: int, named: int
    ) -> None:
        for operation in operations:
            self._submit(self.job_system.new_submission(operation, slots=slots, priority=priority))
        if named:
            self._submit_after([each.job_id for each in self.submissions[:named]])

    @rule(
        operation=OPERATIONS,
        slots=RESOURCES,
        priority=PRIORITIES,
        fingerprint=st.sampled_from([None, None, "a", "a", "b"]),
        on_conflict=st.sampled_from(["reject", "return", "replace", "replace"]),
        key=st.sampled_from([None, None, None, None, "k", "l"]),
        payload_fingerprint=st.sampled_from(["p", "p", "q", None]),
        delay_ms=st.sampled_from([0, 0, 0, 0, 2000, 30_000, TWO_HOURS_MS // 2, -TWO_HOURS_MS]),
        max_crashes=st.sampled_from([3, 1]),
        tenant=st.sampled_from(["default", "default", "other", "third"]),
        payer=PAYERS,
        callback=CALLBACKS,
        after=AFTER,
        after_policy=st.sampled_from(["succeeded", "succeeded", "finished"]),
        synced=MAYBE,
    )
    def submit(
        self,
        operation: str,
        delay_ms: int,
        key: str | None,
        payer: str | None,
        after: tuple[int, ...],
        synced: bool,
        **chosen: Any,
    ) -> None:
        if synced:
            self.kept = (self.job_system.keep(), copy.deepcopy(self.model))
        new = self.job_system.new_submission(
            operation,
            idempotency_digest=key,
            scheduled_ms=self.job_system.now_ms + delay_ms if delay_ms else None,
            queue="other" if operation == "free" else "default",
            result_ttl=timedelta(hours=1),
            after=tuple({_newest(self.submissions, each).job_id: None for each in after}),
            **chosen,
        )
        self._submit(new, payer)

    @precondition(lambda self: self.model.active())
    @rule(
        picks=st.lists(NEWEST_FIRST, min_size=1, max_size=3),
        policy=st.sampled_from(["succeeded", "succeeded", "finished"]),
        length=st.integers(1, 2),
    )
    def submit_what_waits(self, picks: list[int], policy: Any, length: int) -> None:
        """Submit a job that depends on active ones, and perhaps a dependent of it."""
        active = [job.submission.job_id for job in self.model.active()]
        named = list(dict.fromkeys(_newest(active, each) for each in picks))
        for _ in range(length):
            named = [self._submit_after(named, policy)]

    @rule(
        what=st.sampled_from(["submit again", "retry", "cancel", "cancel", "purge"]),
        pick=NEWEST_FIRST,
    )
    def follow_up(self, what: str, pick: int) -> None:
        """Perform a client's action on a job that it has, or believes to have."""
        known = _newest(self.submissions, pick)
        job_id, status = known.job_id, self.model.status(known.job_id)
        if what == "cancel":
            self._expect(cancel(self.store, job_id), self.model.cancel(job_id))
        elif what == "submit again" and known.batch_id is None and job_id not in self.purged:
            # An item of a batch is never submitted alone; its batch's steps are repeated instead.
            word = self.job_system.submit(known, most=MAX_ACTIVE, group=GROUP)
            self._expect(word, self.model.submit(known))
        elif what == "retry" and status in FINAL:
            new = self.job_system.new_submission()
            self._submit(
                replace(
                    known,
                    job_id=new.job_id,
                    retry_of=job_id,
                    idempotency_digest=None,
                    batch_id=None,
                    after=(),
                    after_policy=None,
                )
            )
        elif what == "purge" and status in FINAL:
            purge(self.store, job_id)
            self.model.purge([job_id])
            self.purged.add(job_id)
        elif what == "purge":
            with pytest.raises(JobNotFound if status == "missing" else JobActive):
                purge(self.store, job_id)

    @rule(
        operations=st.lists(OPERATIONS, min_size=1, max_size=3),
        fingerprint=st.sampled_from([None, "a"]),
        on_conflict=st.sampled_from(["reject", "replace"]),
        chained=MAYBE,
        whole=MAYBE,
        payer=PAYERS,
    )
    def submit_a_batch(
        self, operations: list[str], chained: bool, whole: bool, payer: str | None, **chosen: Any
    ) -> None:
        """Submit a whole batch, or abandon the rest; if chained, each item depends on the last."""
        batch = new_batch(self.job_system, len(operations) + (not whole))
        ttl = timedelta(hours=1)
        items = [
            self.job_system.new_submission(
                each,
                batch_id=batch.id,
                result_ttl=ttl,
                after=(f"#{index - 1}",) if chained and index else (),
                **chosen,
            )
            for index, each in enumerate(operations)
        ]
        self.batches[batch.id] = [each.job_id for each in items]
        self.submissions += items
        own_charge = _own_charge("shared", payer)
        decided = decide(
            self.job_system, batch, items, most=MAX_ACTIVE, own_charge=own_charge, group=GROUP
        )
        right = self.model.submit_items(items, own_charge)
        self._expect(words_of(decided), right, "submissions")

    @precondition(lambda self: self.batches)
    @rule(pick=NEWEST_FIRST)
    def cancel_a_batch(self, pick: int) -> None:
        batch_id, job_ids = _newest(list(self.batches.items()), pick)
        try:
            cancel_batch(self.store, batch_id)
        except BatchNotFound:
            self._expect([self.model.status(each) for each in job_ids], ["missing"] * len(job_ids))
        else:
            for job_id in job_ids:
                self.model.cancel(job_id)

    @rule(pick=NEWEST_FIRST, caller=st.sampled_from(["a", "b"]))
    def ask_to_cancel(self, pick: int, caller: str) -> None:
        job_id = _newest(self.submissions, pick).job_id
        word, token = self.job_system.ask_cancel(job_id, caller)
        self._expect(word, self.model.ask_cancel(job_id, token, caller))
        self.confirmations.append((job_id, token, caller))

    @precondition(lambda self: self.confirmations)
    @rule(pick=NEWEST_FIRST, other_job=MAYBE, other_caller=MAYBE)
    def confirm_a_cancel(self, pick: int, other_job: bool, other_caller: bool) -> None:
        """Confirm with a valid, old or stolen token; repeatedly, late or for another job."""
        job_id, token, caller = _newest(self.confirmations, pick)
        job_id = _newest(self.submissions, pick).job_id if other_job else job_id
        caller = "thief" if other_caller else caller
        word = self.job_system.confirm_cancel(job_id, token, caller)
        self._expect(word, self.model.confirm_cancel(job_id, token, caller))

    @rule(payer=st.sampled_from(["default", "other"]), times=st.integers(1, 3))
    def ask_for_something(self, payer: str, times: int) -> None:
        charge = Charge(payer, RATE)
        for _ in range(times):
            self._expect(self.job_system.count(charge), self.model.count(charge))

    # The broker.

    @rule(
        mood=st.sampled_from(["good", "good", "forgetful", "mute", "down", "doubling"]),
        lose=st.sampled_from(["nothing", "one", "all", "what was woken"]),
        pick=NEWEST_FIRST,
    )
    def trouble_the_broker(self, mood: Any, lose: str, pick: int) -> None:
        broker = self.job_system.broker
        broker.mood = mood
        if lose == "what was woken":
            self.job_system.woken.clear()
        if lose == "all":
            broker.messages.clear()
        if lose == "one" and broker.messages:
            broker.messages.remove(_newest(broker.messages, pick))

    @precondition(lambda self: self.job_system.broker.published)
    @rule(pick=NEWEST_FIRST)
    def confirm_late(self, pick: int) -> None:
        confirm(self.store, [_newest(self.job_system.broker.published, pick)])

    # Workers.

    @rule(pick=NEWEST_FIRST, count=st.integers(1, 3), again=MAYBE, deaf=MAYBE, crash=MAYBE)
    def deliver(self, pick: int, count: int, again: bool, deaf: bool, crash: bool) -> None:
        """Deliver messages to workers, which may miss the reply to their claim, or die."""
        self.job_system.publish()
        for _ in range(min(count, len(self.job_system.broker.messages))):
            message = _newest(self.job_system.broker.messages, pick)
            if not again:
                self.job_system.broker.messages.remove(message)
            self.delivered.append(message)
            self._take(message, crash_after_recovery=crash, heard=not deaf)
            self.the_rules_hold()

    @rule(count=st.integers(1, 3))
    def deliver_by_rank(self, count: int) -> None:
        """Deliver messages to workers in RabbitMQ's order."""
        self.job_system.publish()
        for _ in range(min(count, len(self.job_system.broker.messages))):
            message, before, known = self.job_system.broker.best(), self.seen, len(self.fences)
            self.job_system.broker.messages.remove(message)
            self.delivered.append(message)
            self._take(message)
            if len(self.fences) > known:
                self.wrong += invariants.overtaken(before, message, self.job_system.broker.messages)
            self.the_rules_hold()

    @precondition(lambda self: self.delivered)
    @rule(pick=NEWEST_FIRST, same_token=st.booleans())
    def deliver_again_late(self, pick: int, same_token: bool) -> None:
        if same_token and self.claims:
            self._claim(*_newest(self.claims, pick))
        else:
            self._take(_newest(self.delivered, pick))

    @precondition(lambda self: self.fences)
    @rule(pick=NEWEST_FIRST, what=st.lists(st.sampled_from(WAYS), min_size=1, max_size=3))
    def report(self, pick: int, what: list[str]) -> None:
        """Report on a run that this worker holds, held, or unknowingly held; also repeatedly."""
        fence = _newest(self.fences, pick)
        for way in what:
            self._report(fence, way)
            self.the_rules_hold()

    @precondition(lambda self: self.fences)
    @rule(first=NEWEST_FIRST, second=NEWEST_FIRST)
    def renew(self, first: int, second: int) -> None:
        fences = {f.job_id: f for f in (_newest(self.fences, first), _newest(self.fences, second))}
        words = renew(self.store, list(fences.values()), lease=LEASE)
        right = {id: self.model.renew(fence) for id, fence in fences.items()}
        self._expect(words, right, "fence")

    @rule(pick=NEWEST_FIRST)
    def snooze(self, pick: int) -> None:
        job_id = _newest(self.submissions, pick).job_id
        blocked = "blocked_on" in self.seen.jobs.get(job_id, {})
        word = snooze(self.store, job_id, delay=timedelta(seconds=5))
        self._expect(word, self.model.snooze(job_id, blocked=blocked))

    # Webhook dispatchers.

    @rule(most=st.integers(1, 3), attempted=ENDS)
    def call_back(self, most: int, attempted: Attempted | None) -> None:
        """Attempt due deliveries; None for a dispatcher that dies during the attempt."""
        for delivery in take(self.job_system, most=most, per_host=2):
            job = self.model.jobs.get(delivery.owner)
            kept = keep_body(self.store, delivery, b"{}")
            self._expect(kept, "stale" if job and job.stopped else "kept")
            if kept == "stale":
                continue
            word = "kept" if attempted is None else done(self.job_system, delivery, attempted)
            if attempted is OK:
                self._expect(word, "delivered")
            self.model.record_delivery(delivery.owner, delivery.type, word)

    # Operators, the housekeeper and time.

    @rule(slot=st.sampled_from(sorted(LIMITS)), places=st.sampled_from([0, 1, 2, 3, None, None]))
    def limit(self, slot: str, places: int | None) -> None:
        limit(self.store, {slot: places}, source="operator")

    @rule(milliseconds=WAITS_MS, tasks=st.lists(st.sampled_from(MAINTENANCE_TASKS), max_size=4))
    def pass_time(self, milliseconds: int, tasks: list[str]) -> None:
        self.job_system.pass_time(milliseconds)
        self.model.now_ms = self.job_system.now_ms
        for task in tasks:
            self._do(task)

    @rule(worker=st.sampled_from(["one", "two"]), threads=st.integers(0, 3))
    def heartbeat_or_remove_worker(self, worker: str, threads: int) -> None:
        if threads:
            heartbeat_worker(self.store, worker, {"threads": str(threads)}, operations=[])
        else:
            remove_worker(self.store, worker)

    @rule()
    def lose_all_workers(self) -> None:
        for _ in range(4):
            self.pass_time(7000, ["reap"])
            self.the_rules_hold()

    @rule(task=st.sampled_from(MAINTENANCE_TASKS))
    def keep_house(self, task: str) -> None:
        self._do(task)

    # Redis loses its newest data, or a single record.

    @precondition(lambda self: self._losable())
    @rule(pick=NEWEST_FIRST)
    def lose_a_record(self, pick: int) -> None:
        """Lose a job that its message may recover, and that may have dependents."""
        self._lose_one(_newest(self._losable(), pick))

    @precondition(lambda self: self._awaited())
    @rule(pick=NEWEST_FIRST, minutes=st.integers(1, 8))
    def lose_what_others_wait_for(self, pick: int, minutes: int) -> None:
        """Lose it, and check its dependents for a while."""
        self._lose_one(_newest(self._awaited(), pick))
        for _ in range(minutes):
            self.pass_time(MINUTE_MS + 1, ["check"])
            self.the_rules_hold()

    def _lose_one(self, job_id: str) -> None:
        self._lose(job_id)
        self.model.lose(job_id)
        self.seen = look(self.store)

    def _awaited(self) -> list[str]:
        awaited = {each for job in self.model.jobs.values() for each in job.waits}
        return [job_id for job_id in self._losable() if job_id in awaited]

    def _lose(self, job_id: str) -> None:
        self.job_system.lose(job_id)

    def _losable(self) -> list[str]:
        """Return queued jobs without places and without a batch."""
        held = {"blocked_on", "reserved", "batch_id", "fingerprint", "idempotency_digest"}
        jobs = self.seen.jobs.items()
        plain = [id for id, job in jobs if job["status"] == "queued" and not job.keys() & held]
        owned = {name.split(":")[1] for name in self.seen.deliveries.owned}
        return [id for id in plain if id not in owned and self.model.jobs[id].attempt == 0]

    @precondition(lambda self: self.kept)
    @rule()
    def restart_with_an_old_file(self) -> None:
        assert self.kept is not None
        dump, model = self.kept
        self.model = copy.deepcopy(model)
        self.job_system.go_back(dump)
        self.model.now_ms = self.job_system.now_ms
        self.purged -= self.model.jobs.keys()
        self.seen = look(self.store)

    @invariant()
    def the_rules_hold(self) -> None:
        before, after = self.seen, look(self.store)
        self.seen = after
        wrong = self.wrong
        wrong += [*invariants.complaints(after), *invariants.changes(before, after)]
        wrong += self.job_system.broker.misordered()
        if self.reserved:
            wrong += invariants.no_job_waits_in_vain(after)
            wrong += invariants.none_is_overtaken(after, self.job_system.now_ms)
        self.reserved = False
        wrong += invariants.named("model", self.model.differences(after))
        assert not wrong, "\n".join(wrong)

    def teardown(self) -> None:
        """Lose all messages and workers; the housekeeper and correct workers then end every job."""
        if self.wrong:
            return
        self._examine()
        self.job_system.broker.messages.clear()
        self.job_system.broker.mood = "good"
        self.job_system.woken.clear()
        limit(self.store, dict.fromkeys(LIMITS), source="operator")
        for _ in range(14):
            if self.seen.members("leases"):
                self.pass_time(5000, ["reap"])
                self.the_rules_hold()
        for _ in range(40):
            if self.model.active():
                self._work_honestly()
        self.pass_time(0, ["unblock"])
        self.the_rules_hold()
        held = "\n".join(invariants.nothing_is_held(self.seen))
        assert not held, held
        self.pass_time(MINUTE_MS, [])
        while self.seen.deliveries.hosts:
            self.pass_time(5 * MINUTE_MS, [])
            self.call_back(3, OK)
            self.the_rules_hold()
        self.pass_time(MAX_KEPT_MS, ["purge"])
        self.the_rules_hold()
        left = [name for name in self.seen.sets if name != "tombstones"]
        assert not left, f"left after all purges: {left}"
        assert not self.seen.jobs
        assert not self.seen.deliveries.owned, "deliveries that outlive their job must expire"

    def _examine(self) -> None:
        """Let operators check, in every fourth run: it takes as long as ten other steps."""
        if len(self.submissions) % 4 == 0:
            faults = ConsistencyCheck(self.store, LEASE, most=10_000).run().groups
            assert not faults, {group: dict(found.ids) for group, found in faults.items()}

    def _work_honestly(self) -> None:
        """Run only woken jobs, for a quarter of an hour."""
        self.pass_time(15 * MINUTE_MS, [*MAINTENANCE_TASKS])
        self.the_rules_hold()
        self.job_system.publish()
        while self.job_system.broker.messages:
            known = len(self.fences)
            self._take(self.job_system.broker.messages.pop(0))
            for fence in self.fences[known:]:
                word = finish(self.store, fence, SUCCESS)
                self._expect(word, self.model.finish(fence, "succeeded"), "fence")
            self.the_rules_hold()
            self.job_system.publish()

    def _do(self, task: str) -> None:
        if task == "promote":
            self._expect(promote(self.store), self.model.promote())
        elif task == "reap":
            self._expect(reap(self.store, lease=LEASE), self.model.reap())
        elif task == "purge":
            there = set(self.model.jobs)
            self._expect(purge_expired(self.store), self.model.purge_expired())
            self.purged |= there - set(self.model.jobs)
        elif task == "check":
            right = self.model.check_dependencies()
            self._expect(check_dependencies(self.store), right)
        elif task == "unblock":
            unblock_jobs(self.store)
            self.reserved = True
        else:
            self._tidy(task)

    def _tidy(self, task: str) -> None:
        """Do what does not affect the model."""
        if task == "reconcile":
            reconcile(self.store, self.job_system.broker.ready)
        elif task == "seal":
            seal_batches(self.store)
        elif task == "relay":
            relay_outbox(self.store)
        elif task == "settle":
            self._expect(settle_dependents(self.store), 0)

    def _report(self, fence: Fence, way: str) -> None:
        if way == "retry":
            word: str = retry(self.store, fence, delay=DELAY, error={"type": "failure"})
            right = self.model.retry(fence, DELAY // timedelta(milliseconds=1))
            self._expect(word, right, "fence")
        elif way == "release":
            self._expect(release(self.store, fence), self.model.release(fence), "fence")
        elif way == "preempt":
            self._expect(preempt(self.store, fence), self.model.preempt(fence), "fence")
        elif way == "save":
            state = f"{fence.token} at {self.model.now_ms}"
            word = save_state(self.store, fence, state.encode())
            self._expect(word, self.model.save(fence, state), "fence")
        elif way == "progress":
            report = ProgressReport(percent=50, step="on", lines=["a line"])
            word = progress(self.store, fence, report, bounds=LogBounds(3, 100))
            right = "recorded" if self.model.holds(fence) else "stale"
            self._expect(word, right, "fence")
        else:
            outcome = SUCCESS if way == "succeeded" else FAILURE
            word = finish(self.store, fence, outcome)
            self._expect(word, self.model.finish(fence, way), "fence")

    def _submit(self, new: Submission, payer: str | None = None) -> None:
        self.submissions.append(new)
        charges = Charge(payer, RATE) if payer else None, _own_charge(new.operation, payer)
        word = self.job_system.submit(
            new, most=MAX_ACTIVE, charge=charges[0], own_charge=charges[1], group=GROUP
        )
        self._expect(word, self.model.submit(new, *charges), "submissions")

    def _submit_after(self, named: list[str], policy: Any = "succeeded") -> str:
        tenant = self.model.jobs[named[0]].submission.tenant if named[0] in self.model.jobs else ""
        new = self.job_system.new_submission(
            after=tuple(named), after_policy=policy, tenant=tenant or "default"
        )
        self._submit(new)
        return new.job_id

    def _take(
        self, message: Wakeup, *, crash_after_recovery: bool = False, heard: bool = True
    ) -> None:
        """Process a message like a worker."""
        job_id, token = message.submission.job_id, self.job_system.new_token()
        if self._claim(job_id, token, heard=heard) == "missing":
            word = self.job_system.recover(message)
            right = self.model.recover(message.submission, message.published_ms)
            self._expect(word, right, "recoveries")
            if word == "recovered" and not crash_after_recovery:
                self.the_rules_hold()
                self._claim(job_id, token, heard=heard)

    def _claim(self, job_id: str, token: str, *, heard: bool = True) -> str:
        room = job_id in self.seen.jobs and self.seen.room_for(job_id)
        self.claims.append((job_id, token))
        claim = self.job_system.claim(job_id, token)
        self._expect(claim.word, self.model.claim(job_id, token, room=room), "claims")
        if claim.fence is not None and heard and claim.fence not in self.fences:
            self.fences.append(claim.fence)
        return claim.word

    def _expect(self, answer: object, model: object, invariant: str = "answers") -> None:
        """Store a wrong answer for the invariant, which also sees its effects."""
        if answer != model:
            self.wrong.append(f"{invariant}: the answer is {answer!r}, by the model {model!r}")


def _own_charge(operation: str, payer: str | None) -> Charge | None:
    """Submissions of some operations have a rate of their own."""
    limited = payer is not None and operation in ("single", "shared")
    return Charge(payer or "", OWN_RATE, submissions_policy(operation)) if limited else None


def _newest(items: list[Any], pick: int) -> Any:
    return items[-1 - pick % len(items)]
