"""How a process reaches its servers: the Redis client, its name there, why TLS failed."""
