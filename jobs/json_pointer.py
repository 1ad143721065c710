"""JSON Pointers: where something stands in JSON-like data."""

Location = tuple[int | str, ...]


def pointer_of(location: Location) -> str:
    """Return a JSON Pointer (RFC 6901, section 3)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)
