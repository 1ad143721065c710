"""What operators start and use: the web application, the one-process server, `callboardctl`."""

from ops.connection import connect

__all__ = ["connect"]
