"""The Python client of a Callboard server."""

from callboard.client import Client
from callboard.errors import CallboardClientError, JobFailed, Problem, ServerAway

__all__ = ["CallboardClientError", "Client", "JobFailed", "Problem", "ServerAway"]
