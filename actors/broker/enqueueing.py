"""What both brokers share: publishing with an outcome, and a stand-in for unknown actors."""

from collections.abc import Sequence
from typing import Any

from dramatiq import Actor, Broker, Message
from dramatiq.errors import ActorNotFound, BrokerConnectionError

from callboard.actors.publisher import OutgoingMessage, PublishOutcome


class MessageNotConfirmedError(BrokerConnectionError):
    """The message was not confirmed; it may have arrived nevertheless."""

    def __init__(self, outcome: PublishOutcome) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # dramatiq has no type here
            f"The message was not confirmed: {outcome}."
        )
        self.outcome = outcome


class Enqueueing(Broker):
    """A broker without delays, whose messages are confirmed or reported."""

    unknown_actor: Actor[..., Any] | None = None
    """Stands in for each operation that this process does not know."""

    def publish(self, messages: Sequence[OutgoingMessage]) -> list[PublishOutcome]:
        """Publish messages and return their outcomes, in order."""
        raise NotImplementedError

    def ready_messages(self, queue: str) -> int | None:
        """Count the messages of a queue that no worker has fetched; None if unknown."""
        raise NotImplementedError

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """Publish one message, at the priority of its option `broker_priority`, and confirm it.

        Raises:
            MessageNotConfirmedError: it was not confirmed.
            ValueError: a delay or an unknown priority is asked for.
        """
        if delay is not None:
            raise ValueError("Messages are not delayed: delays live in Redis, with the job.")
        outgoing = OutgoingMessage(message, priority=message.options.get("broker_priority") or 0)
        self.emit_before("enqueue", message, delay)
        (outcome,) = self.publish([outgoing])
        if outcome is not PublishOutcome.CONFIRMED:
            raise MessageNotConfirmedError(outcome)
        self.emit_after("enqueue", message, delay)
        return message

    def get_actor(self, actor_name: str) -> Actor[..., Any]:
        """Find an actor, or the stand-in for those that this process does not know.

        Raises:
            ActorNotFound: it is unknown, and there is no stand-in.
        """
        actor = self.actors.get(actor_name) or self.unknown_actor
        if actor is None:
            raise ActorNotFound(actor_name)
        return actor
