"""The proof that an attempt holds its job's lease."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fence:
    """One attempt: its number only grows, and its token was drawn for one delivery."""

    job_id: str
    attempt: int
    token: str
