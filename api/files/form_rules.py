"""Which fields and files a form may have besides what its operation declares."""

from collections.abc import Collection
from dataclasses import dataclass

from callboard.api.files.uploads import CheckContent


@dataclass(frozen=True)
class FormRules:
    """What is accepted in a form.

    Attributes:
        others: names of fields that are not parameters.
        lenient: whether fields that are neither are ignored.
        collect_refused: whether the form is accepted without files that are refused.
        check: looks at the content of each file.
    """

    others: Collection[str] = ()
    lenient: bool = False
    collect_refused: bool = False
    check: CheckContent | None = None


STRICT = FormRules()
