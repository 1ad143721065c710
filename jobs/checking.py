"""How the parameters of a submission are validated: here, or where that holds nothing else up."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from callboard.jobs.files.parameters import FileUse
from callboard.jobs.files.records import FileRecord

if TYPE_CHECKING:
    from callboard.jobs.operation import Operation


@dataclass(frozen=True)
class Validated:
    """What a submission needs of parameters that fit its operation.

    Attributes:
        params: as they were sent, with the defaults that factories have made.
        uses: the places that name files, in order.
        fingerprint: gives what equal jobs have in common, or None when equal jobs may run; takes
            the records of the files by their ids, and raises OperationFault.
    """

    params: Mapping[str, Any]
    uses: Sequence[FileUse]
    fingerprint: Callable[[Mapping[str, FileRecord]], str | None]


class Check(Protocol):
    """Validates parameters."""

    def __call__(self, operation: "Operation", params: Mapping[str, Any], /) -> Validated:
        """Validate JSON-like parameters of an operation.

        Raises:
            InvalidParameters: they do not fit; each error has a JSON Pointer.
            OperationFault: the operation's own code failed.
        """


def check_here(operation: "Operation", params: Mapping[str, Any], /) -> Validated:
    """Validate in this thread; pydantic lets no other thread run meanwhile."""
    return operation.validated(params)
