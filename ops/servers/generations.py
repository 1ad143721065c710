"""Which generation of web processes serves, in memory shared with gunicorn's master."""

import mmap
import struct
from typing import Final

_LAYOUT: Final = struct.Struct("<II")
_NUMBER: Final = struct.Struct("<I")


class Generations:
    """Keeps the processes of one generation serving until the next one does.

    A generation begins with each reload. A process that is told to stop while a newer generation
    starts has a successor on the same socket, and serves until the successor does.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LAYOUT.size)

    @property
    def generation(self) -> int:
        """The newest generation, whether or not it serves yet."""
        return self._read()[0]

    def begin_generation(self) -> None:
        """Begin the next generation; only the master calls this."""
        # Each half has one writer at a time.
        _NUMBER.pack_into(self._memory, 0, self.generation + 1)

    def serve(self, generation: int) -> None:
        """Record that a process of this generation serves, unless a newer one already does."""
        _, serving = self._read()
        _NUMBER.pack_into(self._memory, _NUMBER.size, max(serving, generation))

    def start(self, generation: int, *, staying: bool) -> None:
        """Record that a process of this generation has started, and whether it will serve.

        A process that was told to stop meanwhile will not serve: others wait for its successor.
        Without a successor everything stops, and no process has to wait.
        """
        if staying or not self.has_successor(generation):
            self.serve(generation)

    def has_successor(self, generation: int) -> bool:
        """Return whether a newer generation was begun."""
        return self._read()[0] > generation

    def is_succeeded(self, generation: int) -> bool:
        """Return whether a newer generation serves."""
        return self._read()[1] > generation

    def _read(self) -> tuple[int, int]:
        youngest, serving = _LAYOUT.unpack_from(self._memory)
        return youngest, serving
