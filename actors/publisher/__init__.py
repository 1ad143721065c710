"""Publishing with confirms over one RabbitMQ connection for each process."""

from actors.publisher.breaker import State
from actors.publisher.outgoing import Outcome, Outgoing
from actors.publisher.publisher import Publisher

__all__ = ["Outcome", "Outgoing", "Publisher", "State"]
