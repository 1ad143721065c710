"""The history of a chaos run is complete, whichever process dies."""

from pathlib import Path

import pytest
from redis import Redis

from callboard.jobs.keys import Keys
from tests.chaos.history import Drain, History, read_history
from tests.eventually import eventually
from tests.servers import RedisServer


def test_a_line_truncated_by_its_writers_death_spoils_no_other(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")

    history.add({"from": "client", "who": "first"})
    with history.path.open("ab") as other:
        other.write(b'\n{"from":"function","wh')
    history.add({"from": "client", "who": "last"})

    history.close()
    assert [event["who"] for event in read_history(history.path)] == ["first", "last"]


def test_script_events_are_read_once_and_in_order_across_a_kill_of_redis(
    tmp_path: Path,
) -> None:
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis", options={"appendfsync": "always"})
    server.start()
    history, keys = History(tmp_path / "history.jsonl"), Keys("noted")
    drain = Drain(server.connect(), keys, history)
    drain.start()

    with server.connect() as client:
        for number in range(3000):
            _note(client, keys, number)
        server.kill()
        server.start()
        _note(client, keys, 3000)
    eventually(lambda: drain.moved == 3001, what="all entries arrived")
    drain.close()

    server.close()
    events = list(read_history(history.path))
    assert [event["values"] for event in events] == [[number] for number in range(3001)]
    assert [event["seq"] for event in events] == list(range(1, 3002))


def test_an_entry_removed_by_another_client_is_detected(redis: Redis, tmp_path: Path) -> None:
    keys = Keys("noted")
    drain = Drain(redis, keys, History(tmp_path / "history.jsonl"))
    drain.start()

    with redis.pipeline() as pipe:
        pipe.xadd(keys("history"), {"what": "anything"})
        pipe.xtrim(keys("history"), maxlen=0, approximate=False)
        pipe.execute()

    with pytest.raises(AssertionError, match="1 entries, 0 arrived"):
        drain.close()


def _note(client: Redis, keys: Keys, number: int) -> None:
    said = {"at": "1", "script": "any", "key": "any", "what": "noted", "values": f"[{number}]"}
    client.xadd(keys("history"), said)
