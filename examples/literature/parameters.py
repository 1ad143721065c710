"""Parameters that several operations share."""

from typing import Annotated

from pydantic import Field

CorpusName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="lower-case letters, digits, `-` and `_`"
    ),
]
