"""Parameters that several of the operations have."""

from typing import Annotated

from pydantic import Field

CorpusName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="small letters, digits, - and _"),
]
