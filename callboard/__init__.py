"""The Python client of a Callboard server."""

from callboard.client import Client
from callboard.errors import CallboardClientError, JobFailed, Problem, ServerAway
from callboard.server_events import Event

__all__ = ["CallboardClientError", "Client", "Event", "JobFailed", "Problem", "ServerAway"]
