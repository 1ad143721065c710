"""The messages sent on one channel that RabbitMQ has not confirmed yet."""

from collections import OrderedDict

from callboard.actors.publisher.outgoing import PendingMessage


class Confirms:
    """Numbers sent messages as RabbitMQ does, and finds them by number."""

    def __init__(self) -> None:
        self._sent = 0
        self._open: OrderedDict[int, PendingMessage] = OrderedDict()

    @property
    def pending_messages(self) -> list[PendingMessage]:
        """List the unanswered messages, the oldest first."""
        return list(self._open.values())

    @property
    def oldest_sent_at(self) -> float | None:
        """Return when the longest unanswered message was sent, on the monotonic clock."""
        try:
            return next(iter(self._open.values())).sent_at
        except (StopIteration, RuntimeError):
            # Callers ask from their threads while the publisher's thread changes the map.
            return None

    def add(self, pending: PendingMessage) -> None:
        """Add a message that was just sent."""
        self._sent += 1
        self._open[self._sent] = pending

    def take(self, tag: int, *, multiple: bool) -> list[PendingMessage]:
        """Remove the messages of a confirm: one, or all up to its tag (0: all)."""
        if not multiple:
            pending = self._open.pop(tag, None)
            return [] if pending is None else [pending]
        taken = []
        while self._open and (tag == 0 or next(iter(self._open)) <= tag):
            taken.append(self._open.popitem(last=False)[1])
        return taken

    def note_returned(self, message_id: str, routing_key: str) -> None:
        """Mark a message that was returned because its queue does not exist.

        The return of a message is followed by its confirm, which then does not count.
        """
        for pending in self._open.values():
            same = (
                pending.properties.message_id == message_id and pending.routing_key == routing_key
            )
            if same and not pending.returned:
                pending.returned = True
                return
