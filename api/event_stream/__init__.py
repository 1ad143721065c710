"""Event streams: the changes of a job, as they happen."""

from callboard.api.event_stream.resource import EventsResource

__all__ = ["EventsResource"]
