"""Types of what submissions and schedules both say: labels, priorities, whole numbers."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, StringConstraints

from callboard.jobs.submission import HIGHEST_PRIORITY

MAX_LABELS: Final = 16
LABEL_NAME: Final = "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}"
LABEL_VALUE: Final = (
    # No control characters, no line or paragraph ends, nothing that turns the direction of text.
    r"[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]{0,256}"
)
_LABEL_NAME: Final = re.compile(LABEL_NAME)
_LABEL_VALUE: Final = re.compile(LABEL_VALUE)


def is_label(name: str, value: str) -> bool:
    """Return whether a job can have this label."""
    named = _LABEL_NAME.fullmatch(name) is not None
    return named and _LABEL_VALUE.fullmatch(value) is not None


def whole(value: object) -> object:
    """Take 5.0 for 5, as JSON Schema does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(whole)]
Priority = Annotated[int, Field(ge=0, le=HIGHEST_PRIORITY), BeforeValidator(whole)]
Label = Annotated[str, StringConstraints(pattern=f"^{LABEL_NAME}$")]
LabelValue = Annotated[str, StringConstraints(pattern=f"^{LABEL_VALUE}$")]
