"""What addresses a name has, asked with an end: the system's lookup has none of its own."""

import socket
import threading
from collections.abc import Callable, Sequence

from callboard.actors.webhooks.deadline import Deadline, DeadlineExceeded

MAX_LOOKUPS = 64
"""At once, with those that hang: the system gives up on one after some tens of seconds."""

Resolver = Callable[[str], Sequence[str]]


class NameUnknown(Exception):
    """The name has no address, or no name server answers."""


def ask_system(name: str) -> list[str]:
    """Ask as every program of this machine does.

    Raises:
        OSError: there is no answer.
    """
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Lookup:
    """Asks in threads of its own, so that one that hangs is left behind.

    Args:
        resolver: gives all addresses of a name, or raises an `OSError`.
    """

    def __init__(self, resolver: Resolver = ask_system) -> None:
        self._resolver = resolver
        self._places = threading.BoundedSemaphore(MAX_LOOKUPS)

    def addresses(self, name: str, deadline: Deadline) -> list[str]:
        """Return all addresses of a name, as they are now: nothing is remembered.

        Raises:
            NameUnknown: there are none.
            DeadlineExceeded: there was no answer in time.
        """
        if not self._places.acquire(timeout=deadline.left()):
            raise DeadlineExceeded
        found: list[str] = []
        done = threading.Event()

        def ask() -> None:
            try:
                found.extend(self._resolver(name))
            except (OSError, UnicodeError):
                found.clear()
            finally:
                self._places.release()
                done.set()

        threading.Thread(target=ask, name="lookup", daemon=True).start()
        if not done.wait(deadline.left()):
            raise DeadlineExceeded
        if not found:
            raise NameUnknown
        return found
