"""Which extras are installed."""

from importlib.util import find_spec


def can_export() -> bool:
    """Return whether the packages of the extra `telemetry` are installed."""
    try:
        return all(
            find_spec(f"opentelemetry.{name}") for name in ("sdk.trace", "exporter.otlp.proto.http")
        )
    except ImportError:
        return False
