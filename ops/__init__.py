"""What operators start and use: the web application, the one-process server, `callboardctl`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callboard.ops.connection import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    """Import `connect` at its first use, so that `callboardctl` starts a second faster."""
    if name == "connect":
        from callboard.ops.connection import connect  # noqa: PLC0415 — that is the point

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
