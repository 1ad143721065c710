"""Event streams: what happens to a job, as it happens."""

from callboard.api.event_stream.resource import EventsResource

__all__ = ["EventsResource"]
