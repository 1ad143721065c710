"""Publishing with confirms over one RabbitMQ connection for each process."""

from callboard.actors.publisher.breaker import ConnectionState
from callboard.actors.publisher.outgoing import OutgoingMessage, PublishOutcome
from callboard.actors.publisher.publisher import RabbitmqPublisher

__all__ = ["ConnectionState", "OutgoingMessage", "PublishOutcome", "RabbitmqPublisher"]
