"""Errors of Redis that are outages, in the wording of each version."""

import pytest
from redis import exceptions
from redis._parsers.base import BaseParser

from callboard.jobs.outages import outage_of

RIGHTS = "denies the user permissions that jobs need"
IN_6_2 = "ERR Error running script (call to f_ab): @user_script:1: @user_script: 1: "

SAID = {
    "NOPERM this user has no permissions to run the 'set' command": RIGHTS,
    "NOPERM No permissions to access a channel": RIGHTS,
    "ERR The user executing the script can't run this command or subcommand script: ab": RIGHTS,
    "ERR The user executing the script can't access at least one of the keys": RIGHTS,
    f"{IN_6_2}-NOPERM The user executing the script can't run this command": RIGHTS,
    "ERR ACL failure in script: User u has no permissions to run the 'set' command": RIGHTS,
    "NOPERM ACL failure in script: User u has no permissions to run the 'set' command": RIGHTS,
    "ERR unknown command 'EVALSHA', with args beginning with: 'ab'": RIGHTS,
    "ERR Unknown Redis command called from script script: ab, on @user_script:1.": RIGHTS,
    "READONLY You can't write against a read only replica. script: ab": "is a replica, which",
    f"{IN_6_2}-READONLY You can't write against a read only replica.": "is a replica, which",
    "OOM command not allowed when used memory > 'maxmemory'.": "has no memory left",
    f"{IN_6_2}-OOM command not allowed when used memory > 'maxmemory'.": "has no memory left",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist": (
        "cannot write to its disk"
    ),
    "MISCONF Errors writing to the AOF file: No space left on device": "cannot write to its disk",
    f"{IN_6_2}-MISCONF Redis is configured to save RDB snapshots": "cannot write to its disk",
    "NOREPLICAS Not enough good replicas to write.": "has too few replicas",
    "LOADING Redis is loading the dataset in memory": "is still loading its data",
    "BUSY Redis is busy running a script.": "is busy running a script",
    "MASTERDOWN Link with MASTER is down": "is a replica without its primary",
    "CLUSTERDOWN Hash slot not served": "is a cluster with missing nodes",
    "TRYAGAIN Multiple keys request during rehashing of slot": "is a cluster with missing nodes",
    "MOVED 3999 127.0.0.1:6381": "is a cluster, and another node",
    "ASK 3999 127.0.0.1:6381": "is a cluster, and another node",
    "CROSSSLOT Keys in request don't hash to the same slot": "is a cluster, and another node",
    "NOAUTH Authentication required.": "rejects the user or password",
    "WRONGPASS invalid username-password pair or user is disabled.": "rejects the user",
    "ERR invalid password": "rejects the user or password",
    "ERR max number of clients reached": "accepts no more connections",
    "ERR DB index is out of range": "does not have the database",
    "ERR invalid DB index": "does not have the database",
    "ERR SELECT is not allowed in cluster mode": "does not have the database",
}


@pytest.mark.parametrize("text", SAID)
def test_a_refusal_by_redis_is_an_outage_with_its_cause(text: str) -> None:
    error = BaseParser.parse_error(text)

    assert (outage_of(error) or "").startswith(SAID[text])


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ConnectionError("Connection closed by server."),
        exceptions.TimeoutError("Timeout reading from socket"),
        exceptions.InvalidResponse("Protocol Error: b'HTTP/1.1 400 Bad Request'"),
        OSError(24, "Too many open files"),
    ],
)
def test_a_missing_answer_is_an_outage(error: Exception) -> None:
    assert outage_of(error) == "does not answer"


@pytest.mark.parametrize(
    "text",
    [
        "WRONGTYPE Operation against a key holding the wrong kind of value",
        "ERR value is not an integer or out of range",
        "ERR user_script:7: attempt to index a nil value script: ab, on @user_script:7.",
        "NOSCRIPT No matching script. Please use EVAL.",
    ],
)
def test_an_error_of_our_own_is_no_outage(text: str) -> None:
    assert outage_of(BaseParser.parse_error(text)) is None
