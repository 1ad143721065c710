"""Publishing with confirms over one RabbitMQ connection for each process."""

from actors.publisher.breaker import State
from actors.publisher.outgoing import MAX_PRIORITY, Outcome, Outgoing
from actors.publisher.publisher import Publisher

__all__ = ["MAX_PRIORITY", "Outcome", "Outgoing", "Publisher", "State"]
