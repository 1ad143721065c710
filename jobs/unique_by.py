"""An operation's own answer to which of its jobs are the same."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from callboard.jobs.errors import OperationError
from callboard.jobs.files.file import File
from callboard.jobs.fingerprint import canonical_form, fingerprint
from callboard.jobs.user_code import call_user_code


class UniqueBy:
    """Calls a function with the parameters that it names, as the operation's function gets them.

    Raises:
        OperationError: it cannot be called so; says why.
    """

    def __init__(self, function: Callable[..., Any], operation: str, known: Sequence[str]) -> None:
        self._function = function
        self._operation: Final = operation
        self._names: Final = [name for name in _names(function, operation, known) if name in known]

    def fingerprint(self, arguments: Mapping[str, Any], content: Mapping[str, str]) -> str:
        """Return what jobs have in common that are the same.

        Args:
            arguments: of the operation's function.
            content: the content of each file in them, by its id.

        Raises:
            OperationFault: the function raised something, or gave what cannot be compared.
        """

        def decide() -> str:
            chosen = {name: arguments[name] for name in self._names}
            return fingerprint(canonical_form(self._function(**chosen), of_file))

        def of_file(file: File) -> str:
            return content[file.id]

        return call_user_code(decide, self._operation, "tell jobs apart by unique_by")


def _names(function: Any, operation: str, known: Sequence[str]) -> Sequence[str]:
    example = ", ".join(known[:1]) or "**params"
    rule = f"it takes the operation's parameters by name, as `lambda {example}: ...`"
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise OperationError(f"{operation}: unique_by must be a plain function; {rule}")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError) as error:
        raise OperationError(f"{operation}: unique_by has no signature; {rule}") from error
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            return known
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise OperationError(
                f"{operation}: unique_by has parameters that cannot be passed by name; {rule}"
            )
        if parameter.name not in known and parameter.default is parameter.empty:
            raise OperationError(
                f"{operation}: unique_by takes {parameter.name!r}, which is not a parameter of the "
                f"operation; {rule}"
            )
        names.append(parameter.name)
    return names
