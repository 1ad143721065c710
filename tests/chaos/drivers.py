"""The clients of a run: they submit, poll, cancel, retry and purge, each at random."""

import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.chaos.caller import Answer, Caller, accepted_in
from tests.chaos.history import History
from tests.chaos.orders import Order, draw_order

_REMEMBERED: Final = 400
_REPEATS: Final = 8
_REPEAT_SECONDS: Final = 0.7
_BACKLOG: Final = 48
_URGENT: Final = 6
_POLICIES: Final = ("succeeded", "succeeded", "finished")
_FINAL: Final = ("succeeded", "failed", "cancelled")


class Known:
    """The jobs that clients have seen recently."""

    def __init__(self) -> None:
        self._jobs: deque[str] = deque(maxlen=_REMEMBERED)
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def heard(self, job_id: str) -> None:
        """Remember a job that was accepted."""
        with self._lock:
            self._jobs.append(job_id)

    def ended(self, job_id: str) -> None:
        """Remember that a job was seen in a final status."""
        with self._lock:
            self._ended.append(job_id)

    def some(self, dice: random.Random, *, ended: bool = False, newest: int = 40) -> str | None:
        """Draw one of the newest, or return None."""
        with self._lock:
            jobs = list(self._ended if ended else self._jobs)[-newest:]
        return dice.choice(jobs) if jobs else None


class Driver(threading.Thread):
    """A client that repeats its actions, with pauses, until it is stopped."""

    def __init__(
        self,
        caller: Caller,
        seed: str,
        pause_seconds: float,
        turn: Callable[["Driver"], None],
        known: Known,
        notes: str,
    ) -> None:
        super().__init__(name=caller.who, daemon=True)
        self.caller: Final = caller
        self.dice: Final = random.Random(seed)
        self.known: Final = known
        self.notes: Final = notes
        self._pause_seconds = pause_seconds
        self._turn = turn
        self.stopping: Final = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Repeat the actions; an error of the client itself ends the run and is stored."""
        try:
            while not self.stopping.wait(self.dice.expovariate(1 / self._pause_seconds)):
                self._turn(self)
        except BaseException as error:  # noqa: BLE001 — it is raised where the run ends
            self.failure = error
        finally:
            self.caller.close()


def drivers(url: str, history: History, seed: int, *, load: float) -> list[Driver]:
    """Create the clients.

    Args:
        url: of the web server.
        history: where all record their calls.
        seed: of their random numbers.
        load: their load; 1 is about 8 jobs a second.

    """
    known = Known()
    made = []
    for kind, count, pause_seconds, turn in (
        ("producer", 3, 0.45, produce),
        ("burst", 1, 12.0, burst),
        ("batch", 1, 8.0, submit_batch),
        ("chainer", 1, 2.0, chain),
        ("poller", 3, 0.4, poll),
        ("canceller", 1, 1.0, cancel),
        ("retrier", 1, 3.0, retry),
        ("purger", 1, 4.0, purge),
    ):
        for number in range(1, count + 1):
            who = f"{kind}-{number}"
            caller = Caller(url, who, history)
            seeded = f"{seed} {who}"
            made.append(
                Driver(caller, seeded, pause_seconds / load, turn, known, str(history.path))
            )
    return made


def produce(driver: Driver) -> None:
    """Submit a job; repeat one with a key until it is decided, and sometimes once more."""
    order = draw_order(driver.dice, driver.notes)
    answer = _submit(driver, order)
    if order.idempotency_key is None:
        return
    for _ in range(_REPEATS):
        if not answer.undecided or driver.stopping.wait(_REPEAT_SECONDS):
            break
        answer = _submit(driver, order)
    if driver.dice.random() < 0.2:
        _submit(driver, order)


def burst(driver: Driver) -> None:
    """Submit many jobs of all priorities at once for the same few places."""
    name = driver.dice.choice(["narrow", "slim", "choosy", "latest", "shared", "owned"])
    for _ in range(driver.dice.randint(8, 14)):
        if driver.stopping.is_set():
            return
        _submit(driver, draw_order(driver.dice, driver.notes, operation=name))


def chain(driver: Driver) -> None:
    """Submit a job that depends on some of the newest, and perhaps a dependent of it."""
    named = [driver.known.some(driver.dice, newest=12) for _ in range(driver.dice.randint(1, 4))]
    after = [job_id for job_id in dict.fromkeys(named) if job_id is not None]
    for _ in range(driver.dice.randint(1, 2)):
        if not after:
            return
        order = draw_order(driver.dice, driver.notes)
        body = {**order.body, "after": after, "after_policy": driver.dice.choice(_POLICIES)}
        answer = _submit(driver, replace(order, body=body, idempotency_key=None))
        after = [answer.job] if answer.job is not None else []


def submit_batch(driver: Driver) -> None:
    """Submit a few jobs as one batch; the last may depend on the others."""
    orders = [draw_order(driver.dice, driver.notes) for _ in range(driver.dice.randint(2, 5))]
    bodies = [dict(order.body) for order in orders]
    if driver.dice.random() < 0.5:
        bodies[-1]["after"] = [f"#{index}" for index in range(len(bodies) - 1)]
    answer = driver.caller.call(
        "batch",
        "POST",
        "/v1/batches",
        about={"job": None},
        json={"items": bodies},
    )
    for job_id in accepted_in(answer.body):
        driver.known.heard(job_id)


def fill_and_hurry(url: str, history: History, seed: int) -> None:
    """Submit more jobs than there are threads, then a few of the best priority."""
    dice = random.Random(f"{seed} hurry")
    caller = Caller(url, "hurry", history)
    params = {"notes": str(history.path), "seconds": 1.0}
    for priorities in (dice.choices(range(9), k=_BACKLOG), [10] * _URGENT):
        items = [
            {"operation": "plain", "params": params, "priority": priority}
            for priority in priorities
        ]
        caller.call("batch", "POST", "/v1/batches", about={"job": None}, json={"items": items})
    caller.close()


def poll(driver: Driver) -> None:
    """Follow a job for a while, by long polls or short ones."""
    job_id = driver.known.some(driver.dice, newest=60)
    for _ in range(driver.dice.randint(1, 3)):
        if job_id is None or driver.stopping.is_set():
            return
        waits = driver.dice.random() < 0.6
        answer = driver.caller.call(
            "poll",
            "GET",
            f"/v1/jobs/{job_id}",
            about={"job": job_id},
            headers={"Prefer": f"wait={driver.dice.randint(1, 4)}"} if waits else {},
        )
        _remember(driver, job_id, answer)
        if answer.body.get("status") in _FINAL:
            return


def cancel(driver: Driver) -> None:
    """Cancel a job, sometimes by force, sometimes twice."""
    job_id = driver.known.some(driver.dice, newest=12)
    if job_id is None:
        return
    for _ in range(driver.dice.choice([1, 1, 1, 2])):
        query = "?force=true" if driver.dice.random() < 0.3 else ""
        answer = driver.caller.call(
            "cancel", "DELETE", f"/v1/jobs/{job_id}{query}", about={"job": job_id}
        )
        _remember(driver, job_id, answer)


def retry(driver: Driver) -> None:
    """Retry a final job."""
    job_id = driver.known.some(driver.dice, ended=True)
    if job_id is None:
        return
    answer = driver.caller.call(
        "retry", "POST", f"/v1/jobs/{job_id}/retry", about={"retry_of": job_id}
    )
    if answer.code in (200, 202) and answer.job is not None:
        driver.known.heard(answer.job)


def purge(driver: Driver) -> None:
    """Purge a final job."""
    job_id = driver.known.some(driver.dice, ended=True)
    if job_id is not None:
        driver.caller.call(
            "purge", "DELETE", f"/v1/jobs/{job_id}?purge=true", about={"job": job_id}
        )


def _submit(driver: Driver, order: Order) -> Answer:
    key = order.idempotency_key
    answer = driver.caller.call(
        "submit",
        "POST",
        "/v1/jobs",
        about={"idempotency_key": key, "operation": order.operation, "unique": order.unique},
        headers={"Idempotency-Key": key} if key is not None else {},
        json=order.body,
    )
    if answer.code in (200, 202) and answer.job is not None:
        driver.known.heard(answer.job)
    return answer


def _remember(driver: Driver, job_id: str, answer: Answer) -> None:
    if answer.body.get("status") in _FINAL:
        driver.known.ended(job_id)
