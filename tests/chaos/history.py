"""The history of a run, one JSON object per line, written by all participants.

The file is in the order in which events became known: what a function noted precedes what the
scripts record of its end. Members of each kind, by `from`:

script    seq, at (ms, Redis' clock), script, key, what, values: what `note` told, in Redis' order
client    who, call (submit, poll, cancel, retry, purge, batch), began, ended (epoch seconds),
          code, error, problem, job (of a submission: the accepted one; of a call about a job: that
          job), idempotency_key, operation, unique, seen {status, attempt, result}; of a batch
          jobs [id]; of a retry the new job as `job` and `retry_of`
function  at (epoch ms), what (begin, end, stop), job, attempt, pid, nonce; of one that saves
          found, save and saved, too, with the state: at its beginning, before and after each
nemesis   at (epoch ms), what, target and more
limits    at (epoch ms), limits: places by slot, at the start and around each change; the scripts
          say it to the moment, as `limited` (source, slot, places); at the start needs, too:
          by operation, what its jobs take beside a place of it
final     complaints, jobs by id {status, attempt, failures, crashes, result_nonce}, held

The harness itself can make Redis lose the record of a queued job whose message RabbitMQ has: the
script `lose_job` notes `lost` (id), and the job comes back by `recover_job`. What waits for it may
come to the end before: `settled` (id, the other's id, how that ended) then says `lost`.
"""

import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import redis

from callboard.jobs.keys import Keys

FILE: Final = "history.jsonl"
_AT_ONCE: Final = 2000
_PAUSE_SECONDS: Final = 0.2


class History:
    """A file to which many processes append whole lines."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._handle: Final = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def add(self, *events: Mapping[str, Any]) -> None:
        """Append events, whole even if an earlier writer was killed within a line."""
        lines = "".join(f"\n{json.dumps(event, separators=(',', ':'))}\n" for event in events)
        if lines:
            os.write(self._handle, lines.encode())

    def nemesis(self, what: str, **more: Any) -> None:
        """Append an action of the nemesis."""
        self.add({"from": "nemesis", "at": now_ms(), "what": what, **more})

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)


def read_history(path: Path) -> Iterator[dict[str, Any]]:
    """Read all events; a line truncated by its writer's death is ignored."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                event = json.loads(line)
            except ValueError:
                continue
            yield event


def now_ms() -> int:
    """Return this machine's time, which only helps readers."""
    return int(time.time() * 1000)


class Drain:
    """Moves the scripts' events from Redis into the history, and verifies that none is missing.

    Args:
        client: its own connection, without a proxy.
        keys: of the namespace.
        history: the target.
    """

    def __init__(self, client: redis.Redis, keys: Keys, history: History) -> None:
        self._client = client
        self._key = keys("history")
        self._history = history
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self._last = "0-0"
        self.moved = 0

    def start(self) -> None:
        """Create the stream, so that the scripts write, and start moving."""
        entry = self._client.xadd(self._key, {"what": "begun"})
        self._last = entry.decode()
        self._client.xtrim(self._key, maxlen=0, approximate=False)
        self._thread.start()

    def close(self) -> None:
        """Move the remaining events and stop.

        Raises:
            AssertionError: Redis has more events than arrived here.
        """
        self._stop.set()
        self._thread.join()
        while self._move():
            pass
        written = self._client.xinfo_stream(self._key)["entries-added"] - 1
        assert written == self.moved, f"the scripts wrote {written} entries, {self.moved} arrived"

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                full = self._move() == _AT_ONCE
            except redis.RedisError:
                full = False
            if not full:
                self._stop.wait(_PAUSE_SECONDS)

    def _move(self) -> int:
        entries = self._client.xrange(self._key, min=f"({self._last}", count=_AT_ONCE)
        if not entries:
            return 0
        self._history.add(*self._events(entries))
        self.moved += len(entries)
        self._last = entries[-1][0].decode()
        stamp, _, number = self._last.partition("-")
        self._client.xtrim(self._key, minid=f"{stamp}-{int(number) + 1}", approximate=False)
        return len(entries)

    def _events(self, entries: Iterable[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[Any]:
        for seq, (_, fields) in enumerate(entries, self.moved + 1):
            said = {name.decode(): value.decode() for name, value in fields.items()}
            yield {
                "from": "script",
                "seq": seq,
                "at": int(said["at"]),
                "script": said["script"],
                "key": said["key"],
                "what": said["what"],
                "values": json.loads(said["values"]),
            }
