"""The Python client of a Callboard server."""

from callboard.client import Client
from callboard.errors import (
    CallboardClientError,
    CannotAsk,
    FileDamaged,
    JobFailed,
    Problem,
    ServerAway,
    StrangeAnswer,
)
from callboard.files import UploadedFile
from callboard.server_events import Event

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
