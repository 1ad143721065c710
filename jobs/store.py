"""Run transitions in Redis: the only door through which the rest of the core reaches it."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
from redis import exceptions

from callboard.jobs import script
from callboard.jobs.errors import StoreFull, StoreUnavailable
from callboard.jobs.keys import Keys
from callboard.jobs.outages import NO_MEMORY, outage_of


@dataclass(frozen=True)
class ScriptAnswer:
    """A script's word, the ids of the jobs it woke, and what else its header says."""

    word: str
    woken: tuple[str, ...]
    values: tuple[Any, ...]


def ignore_woken(_job_ids: Sequence[str]) -> None:
    """Leave publishing to the relay."""


class Store:
    """A namespace in one Redis.

    Args:
        client: a client with `decode_responses=False` and a bounded socket timeout.
        namespace: whose keys these are.
        on_woken: told the ids of jobs whose message is to be published now; it must not block.
            When it does nothing, the housekeeper's relay publishes them a second later.
        durable_by: in strict durability, the command that waits until a change is safe; see
            `callboard.jobs.redis_checks.check_redis`.
        testing: tests only: read the time from the key `clock`, and tell the stream `history` what
            happens, when those exist.
    """

    def __init__(
        self,
        client: redis.Redis,
        namespace: str,
        *,
        on_woken: Callable[[Sequence[str]], None] = ignore_woken,
        durable_by: Sequence[str | int] | None = None,
        testing: bool = False,
    ) -> None:
        self.redis: Final = client
        self.keys: Final = Keys(namespace)
        self.on_woken = on_woken
        self.durable_by = durable_by
        self._testing = testing

    def load_scripts(self) -> None:
        """Build every script now, so that no request does, and a faulty one stops the start.

        Raises:
            HeaderError, IncludeError: a script is not what its header says.
        """
        for name in script.script_names():
            script.load(name, testing=self._testing)

    def run(
        self,
        name: str,
        key: str,
        *,
        woken_elsewhere: Container[str] = (),
        fleeting: bool = False,
        **arguments: object,
    ) -> ScriptAnswer:
        """Run one transition; a repeat after a lost reply is part of every script's promise.

        Args:
            name: the script's name.
            key: KEYS[1].
            woken_elsewhere: jobs whose messages the caller publishes itself.
            fleeting: what it writes may be lost, so strict durability does not wait for it.
            arguments: ARGV by name.

        Raises:
            StoreUnavailable: Redis is away, refuses, or could not make the change durable.
            TypeError: the arguments are not those of the header.
            UnknownAnswerError: the script answered a word that its header does not name.
        """
        loaded = script.load(name, testing=self._testing)
        ordered = loaded.order(arguments)
        fleeting = fleeting or loaded.only_reads
        raw = self._send(lambda: self._evaluate(loaded, key, ordered, fleeting=fleeting))
        word, woken, *values = _text(raw)
        loaded.check_answer(word)
        answer = ScriptAnswer(word, tuple(woken), tuple(values))
        mine = [job_id for job_id in answer.woken if job_id not in woken_elsewhere]
        if mine:
            self.on_woken(mine)
        return answer

    def pipeline(self, *commands: Sequence[Any], atomic: bool = False) -> list[Any]:
        """Send commands in one round trip.

        Args:
            commands: each a name and its arguments.
            atomic: let nothing happen between them.

        Raises:
            StoreUnavailable: Redis is away or refuses.
        """

        def send() -> list[Any]:
            pipe = self.redis.pipeline(transaction=atomic)
            for command in commands:
                pipe.execute_command(*command)
            return list(pipe.execute())

        replies: list[Any] = self._send(send)
        return replies

    def now_ms(self) -> int:
        """Read the one clock: milliseconds since 1970, as Redis has them.

        Raises:
            StoreUnavailable: Redis does not answer.
        """
        (time,) = self.pipeline(("TIME",))
        return int(time[0]) * 1000 + int(time[1]) // 1000

    def _evaluate(
        self, loaded: script.Script, key: str, arguments: Sequence[Any], *, fleeting: bool
    ) -> Any:
        try:
            return self._call("EVALSHA", loaded.digest, 1, key, *arguments, fleeting=fleeting)
        except exceptions.NoScriptError:
            return self._call("EVAL", loaded.source, 1, key, *arguments, fleeting=fleeting)

    def _call(self, *command: Any, fleeting: bool) -> Any:
        if fleeting or not self.durable_by:
            return self.redis.execute_command(*command)
        # Both on one connection: the wait is for what that connection wrote.
        pipe = self.redis.pipeline(transaction=False)
        pipe.execute_command(*command)
        pipe.execute_command(*self.durable_by)
        reply, reached = pipe.execute()
        reached = reached if isinstance(reached, list) else [reached]
        wanted = self.durable_by[1:-1]
        if any(got < least for got, least in zip(reached, wanted, strict=True)):
            raise StoreUnavailable("Redis did not make the change durable in time.")
        return reply

    def _send(self, call: Callable[[], Any]) -> Any:
        try:
            try:
                return call()
            except exceptions.ConnectionError:
                # The pooled connection may have died with a server that is back by now.
                return call()
        except (exceptions.RedisError, OSError) as error:
            if (reason := outage_of(error)) is None:
                raise
            kind = StoreFull if reason == NO_MEMORY else StoreUnavailable
            raise kind(f"Redis {reason} at the moment.") from error


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return [_text(item) for item in value]
    return value
