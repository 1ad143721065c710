"""Versions of servers, such that they can be compared."""


def numbers_of(version: str) -> tuple[int, ...]:
    """Return the first two numbers of `3.10.8` or the like; empty where it names none."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
