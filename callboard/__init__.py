"""The Python client of a Callboard server."""

from callboard.client import Client
from callboard.errors import CallboardClientError, CannotAsk, JobFailed, Problem, ServerAway
from callboard.server_events import Event

__all__ = [
    "CallboardClientError",
    "CannotAsk",
    "Client",
    "Event",
    "JobFailed",
    "Problem",
    "ServerAway",
]
