"""Publishing with confirms over one RabbitMQ connection for each process."""

from callboard.actors.publisher.breaker import State
from callboard.actors.publisher.outgoing import Outcome, Outgoing
from callboard.actors.publisher.publisher import Publisher

__all__ = ["Outcome", "Outgoing", "Publisher", "State"]
