"""Private RabbitMQ and Redis servers that a test session starts, breaks and stops."""

from tests.servers.process import MissingServer, free_port
from tests.servers.rabbitmq import RabbitMQ
from tests.servers.redis_server import RedisServer

__all__ = ["MissingServer", "RabbitMQ", "RedisServer", "free_port"]
