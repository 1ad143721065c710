"""Which generation of web processes serves, in memory that gunicorn's master shares with them."""

import mmap
import struct
from typing import Final

_LAYOUT: Final = struct.Struct("<II")
_NUMBER: Final = struct.Struct("<I")


class Generations:
    """Lets the processes of one generation serve until the next one does.

    A generation begins with each reload. Whoever is told to stop while a younger generation
    starts has a successor on the same socket, and need not leave it alone before that serves.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LAYOUT.size)

    @property
    def generation(self) -> int:
        """The youngest generation, whether or not it serves yet."""
        return self._read()[0]

    def begin_generation(self) -> None:
        """Begin the next one; for the master alone."""
        # Each half has one writer at a time, and neither writes the other's.
        _NUMBER.pack_into(self._memory, 0, self.generation + 1)

    def serve(self, generation: int) -> None:
        """Say that a process of this generation serves; a younger one's word stays."""
        _, serving = self._read()
        _NUMBER.pack_into(self._memory, _NUMBER.size, max(serving, generation))

    def start(self, generation: int, *, staying: bool) -> None:
        """Say that a process of this generation has started, and whether it stays to serve.

        One that was told to stop meanwhile serves nobody: who waits for it waits for its successor.
        Without one everything stops, and nobody need wait.
        """
        if staying or not self.has_successor(generation):
            self.serve(generation)

    def has_successor(self, generation: int) -> bool:
        """Whether a younger generation was begun."""
        return self._read()[0] > generation

    def is_succeeded(self, generation: int) -> bool:
        """Whether a younger generation serves."""
        return self._read()[1] > generation

    def _read(self) -> tuple[int, int]:
        youngest, serving = _LAYOUT.unpack_from(self._memory)
        return youngest, serving
