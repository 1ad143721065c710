"""The Dramatiq brokers: RabbitMQ between processes, and one inside a single process."""

from actors.broker.delivery import Delivery
from actors.broker.embedded import EmbeddedBroker
from actors.broker.enqueueing import MessageNotConfirmedError
from actors.broker.rabbitmq import RabbitmqBroker

__all__ = ["Delivery", "EmbeddedBroker", "MessageNotConfirmedError", "RabbitmqBroker"]
