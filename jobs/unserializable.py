"""What keeps a result from being sent, and where it stands."""

from typing import Final

from callboard.jobs.json_pointer import Location


class Unserializable(Exception):
    """Something in a result has no form that can be sent."""

    def __init__(self, at: Location, why: str) -> None:
        """Say what.

        Args:
            at: the way to it.
            why: what it is, as the rest of a sentence.
        """
        self.at: Final = at
        self.why: Final = why
        super().__init__(why)
