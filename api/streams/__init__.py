"""Event streams: what happens to a job, as it happens."""

from callboard.api.streams.resource import EventsResource

__all__ = ["EventsResource"]
