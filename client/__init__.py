"""The Python client of a Callboard server."""

from callboard.client.client import Client
from callboard.client.errors import (
    CallboardClientError,
    CannotAsk,
    FileDamaged,
    JobFailed,
    Problem,
    ServerAway,
    StrangeAnswer,
)
from callboard.client.files import UploadedFile
from callboard.client.server_events import Event

__all__ = [
    "CallboardClientError",
    "CannotAsk",
    "Client",
    "Event",
    "FileDamaged",
    "JobFailed",
    "Problem",
    "ServerAway",
    "StrangeAnswer",
    "UploadedFile",
]
