"""The Dramatiq brokers: RabbitMQ between processes, and one inside a single process."""

from callboard.actors.broker.embedded import EmbeddedBroker
from callboard.actors.broker.enqueueing import MessageNotConfirmedError
from callboard.actors.broker.rabbitmq import RabbitmqBroker
from callboard.actors.broker.received_message import ReceivedMessage

__all__ = ["EmbeddedBroker", "MessageNotConfirmedError", "RabbitmqBroker", "ReceivedMessage"]
