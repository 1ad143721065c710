"""The shortest job: it shows that a worker answers."""

from callboard import operation


@operation(time_limit="10s", wait="10s", result_ttl="1h")
def ping() -> str:
    """Show that a worker answers."""
    return "pong"
