"""The Dramatiq brokers: RabbitMQ between processes, and one inside a single process."""

from callboard.actors.broker.delivery import Delivery
from callboard.actors.broker.embedded import EmbeddedBroker
from callboard.actors.broker.enqueueing import MessageNotConfirmedError
from callboard.actors.broker.rabbitmq import RabbitmqBroker

__all__ = ["Delivery", "EmbeddedBroker", "MessageNotConfirmedError", "RabbitmqBroker"]
