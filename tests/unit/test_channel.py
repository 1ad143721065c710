"""Messages between a worker and a child arrive whole or not at all."""

import socket
import threading
from collections.abc import Iterator

import pytest

from callboard.actors.isolation.channel import Closed, MessageChannel

pytestmark = pytest.mark.check

Pair = tuple[MessageChannel, MessageChannel, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    near, far = socket.socketpair()
    with near, far:
        yield MessageChannel(near), MessageChannel(far), near


def test_messages_arrive_in_order_and_unchanged(pair: Pair) -> None:
    here, there, _ = pair
    sent = [{"kind": "one", "bytes": b"\x00\xff"}, {"kind": "two", "text": "ü", "list": [1.5]}]

    for message in sent:
        here.send(message)

    assert [there.receive(1), there.receive(1)] == sent
    assert there.receive(0) is None


def test_a_message_larger_than_any_buffer_arrives_whole(pair: Pair) -> None:
    here, there, _ = pair
    content = bytes(range(256)) * 40_000
    sender = threading.Thread(target=here.send, args=({"kind": "large", "content": content},))
    sender.start()

    message = there.receive(10)

    sender.join()
    assert message == {"kind": "large", "content": content}


def test_a_partial_message_is_no_message(pair: Pair) -> None:
    here, there, end = pair
    here.send({"kind": "whole"})
    end.sendall(b"\x00\x00\x00\x00\x00\x00\x00\x09half")
    end.close()

    assert there.receive(1) == {"kind": "whole"}
    with pytest.raises(Closed):
        there.receive(1)


def test_foreign_bytes_are_no_message(pair: Pair) -> None:
    _, there, end = pair
    end.sendall(b"written to any descriptor")

    with pytest.raises(Closed):
        there.receive(1)


def test_a_partial_message_is_awaited_only_until_the_timeout(pair: Pair) -> None:
    _, there, end = pair
    end.sendall(b"\x00\x00\x00")

    assert there.receive(0.01) is None


def test_a_peer_that_does_not_read_is_abandoned(pair: Pair) -> None:
    here, _, _ = pair

    with pytest.raises(Closed):
        here.send({"kind": "large", "content": b"x" * 10_000_000}, timeout=0.05)
