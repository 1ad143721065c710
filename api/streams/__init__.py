"""Event streams: what happens to a job, as it happens."""

from api.streams.resource import EventsResource

__all__ = ["EventsResource"]
