"""The state machine with the verdict of a chaos run on all events of the scripts."""

import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from callboard.jobs.fence import Fence
from callboard.jobs.publisher import Wakeup
from callboard.jobs.purge import purge
from tests.chaos.checker import Checker
from tests.machine import NEWEST_FIRST, WAYS, Callboard
from tests.model import FINAL, HOLDING

if TYPE_CHECKING:
    from redis import Redis


class Judged(Callboard):
    """Drives the scripts, the model and the verdict side by side.

    Redis loses single records here, which is recorded: otherwise the verdict assumes that Redis
    keeps acknowledged writes.
    """

    restart_with_an_old_file = None  # type: ignore[assignment]  # takes the rule out

    def __init__(self, client: "Redis") -> None:
        super().__init__(client)
        self._history = self.store.keys("history")
        self._checker = Checker()
        self._told = 0
        self._lost: set[str] = set()
        self._read = 0
        limits = {name: int(places) for name, places in self.seen.limits.items()}
        declared = {name.removeprefix("declared:"): places for name, places in limits.items()}
        self._checker.take({"from": "limits", "at": 0, "limits": declared})
        # Messages arrive in the order in which the machine draws them.
        self._checker.take({"from": "nemesis", "at": 0, "what": "begin", "target": "draw"})
        client.xadd(self._history, {"what": "begun"})
        client.xtrim(self._history, maxlen=0)

    @precondition(lambda self: self._overtaken())
    @rule(pick=NEWEST_FIRST, way=st.sampled_from(WAYS))
    def report_after_another_has_begun(self, pick: int, way: str) -> None:
        overtaken = self._overtaken()
        self._report(overtaken[-1 - pick % len(overtaken)], way)

    @precondition(lambda self: self._ended())
    @rule(pick=NEWEST_FIRST)
    def purge_what_has_ended(self, pick: int) -> None:
        ended = self._ended()
        job_id = ended[-1 - pick % len(ended)]
        purge(self.store, job_id)
        self.model.purge([job_id])
        self.purged.add(job_id)

    @precondition(lambda self: self._of_purged_jobs())
    @rule(pick=NEWEST_FIRST)
    def deliver_after_the_purge(self, pick: int) -> None:
        messages = self._of_purged_jobs()
        self._take(messages[-1 - pick % len(messages)])

    @invariant()
    def the_rules_hold(self) -> None:
        self._follow()
        super().the_rules_hold()

    def teardown(self) -> None:
        for job_id in self._lost - self.purged:
            self._bring_back(job_id)
        super().teardown()
        if self.wrong:
            return
        self._follow()
        self._checker.take({"from": "final", "jobs": {}, "complaints": [], "held": []})
        verdict = self._checker.end({})
        assert verdict.holds, "\n".join(str(each) for each in verdict.violations)

    def _bring_back(self, job_id: str) -> None:
        """Deliver the message of a lost job, as the verdict expects."""
        if self.wrong or self.model.status(job_id) != "missing":
            return
        (known,) = [each for each in self.submissions if each.job_id == job_id]
        self._take(Wakeup(known, 1, reserved=False, published_ms=self.job_system.now_ms))
        self.the_rules_hold()

    def _lose(self, job_id: str) -> None:
        super()._lose(job_id)
        self._lost.add(job_id)
        said = {"at": self.job_system.now_ms, "script": "lose_job", "key": job_id, "what": "lost"}
        self.job_system.redis.xadd(self._history, {**said, "values": json.dumps([job_id])})

    def _overtaken(self) -> list[Fence]:
        """Return the fences of runs that lost their lease and whose job another run now has."""
        return [
            fence
            for fence in self.fences
            if self.model.status(fence.job_id) in HOLDING and not self.model.holds(fence)
        ]

    def _ended(self) -> list[str]:
        return [job_id for job_id, job in self.model.jobs.items() if job.status in FINAL]

    def _of_purged_jobs(self) -> list[Wakeup]:
        return [each for each in self.delivered if each.submission.job_id in self.purged]

    def _follow(self) -> None:
        """Let the verdict read the scripts' events since the last call."""
        entries: Any = self.job_system.redis.xrange(self._history)
        for _, fields in entries:
            said = {name.decode(): value.decode() for name, value in fields.items()}
            if said["what"] == "begun":
                continue
            self._read += 1
            known = {"from": "script", "seq": self._read, "at": int(said["at"])}
            values = json.loads(said["values"])
            self._checker.take({**said, **known, "values": values})
        self.job_system.redis.xtrim(self._history, maxlen=0)
        found = self._checker.violations.found
        self.wrong += [str(each) for each in found[self._told :]]
        self._told = len(found)
