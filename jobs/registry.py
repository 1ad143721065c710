"""Find the operations of an installation."""

import importlib
import pkgutil
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import ModuleType

from callboard.jobs.errors import Leaving, OperationError, UnknownOperation
from callboard.jobs.limit import operation_slot, resource_slot
from callboard.jobs.operation import Operation
from callboard.jobs.operation_limits import CapacityGroup
from callboard.jobs.user_code import describe, may_be_a_keys


class Registry:
    """The operations that this process knows, by name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        """Index operations by name.

        Raises:
            OperationError: two different operations have the same name, or two of one capacity
                group declare different capacities.
        """
        self._operations: dict[str, Operation] = {}
        self._groups: dict[str, CapacityGroup] = {}
        for found in operations:
            known = self._operations.setdefault(found.name, found)
            if known is not found:
                raise OperationError(
                    f"{found.name}: declared in {known.__module__} and in {found.__module__}"
                )
        for found in self:
            self._join_groups(found)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

    def __contains__(self, name: str) -> bool:
        return name in self._operations

    def get(self, name: str) -> Operation:
        """Look one up.

        Raises:
            UnknownOperation: this process does not know it.
        """
        try:
            return self._operations[name]
        except KeyError:
            raise UnknownOperation(name) from None

    def listed(self) -> list[Operation]:
        """Return them as people look for them: by name."""
        return sorted(self, key=lambda each: each.name)

    def check_settings(self, rates: Iterable[str], groups: Iterable[str]) -> None:
        """Check that what the settings name exists.

        Args:
            rates: the operations in `CALLBOARD_SUBMISSION_RATES`.
            groups: the groups in `CALLBOARD_CAPACITY_GROUPS`.

        Raises:
            OperationError: one does not exist.
        """
        for name in rates:
            if name not in self:
                raise OperationError(
                    f"CALLBOARD_SUBMISSION_RATES names {name!r}, which is not an operation"
                )
        for name in groups:
            if name not in self._groups:
                raise OperationError(
                    f"CALLBOARD_CAPACITY_GROUPS names {name!r}, which no operation declares"
                )

    def capacity_groups(self) -> Mapping[str, CapacityGroup]:
        """Return the groups of operations that share a capacity, as declared, by name."""
        return self._groups

    def sharing(self, group: str | None) -> tuple[str, ...]:
        """Return the names of the operations of a capacity group; none if there is no such."""
        return self._groups[group].operations if group in self._groups else ()

    def queues(self) -> list[str]:
        """Name the queues that its messages go through."""
        return sorted({found.rules.queue for found in self})

    def limits(self, resources: Mapping[str, int]) -> dict[str, int | None]:
        """Return the declared places of every slot that its jobs take.

        Args:
            resources: the places of shared resources, from the settings.

        Raises:
            OperationError: an operation needs a resource, or more of it, than there is.
        """
        places: dict[str, int | None] = {
            resource_slot(name): number for name, number in resources.items()
        }
        for found in self:
            places[operation_slot(found.name)] = found.rules.max_running
            places |= found.value_limits()
            for name, number in found.rules.slots.items():
                if number > resources.get(name, 0):
                    raise OperationError(
                        f"{found.name}: needs {number} of resource {name!r}, but "
                        f"CALLBOARD_RESOURCES has {resources.get(name, 0)}"
                    )
        return places

    def _join_groups(self, found: Operation) -> None:
        for name, most in found.rules.capacity_groups.items():
            group = self._groups.get(name, CapacityGroup(name, most, ()))
            if group.max_active != most:
                raise OperationError(
                    f"{found.name}: capacity group {name!r} has {most} here and "
                    f"{group.max_active} in {group.operations[0]}"
                )
            self._groups[name] = replace(group, operations=(*group.operations, found.name))


def discover(modules: Iterable[str]) -> Registry:
    """Import operation modules and collect what they declare.

    Args:
        modules: as `CALLBOARD_OPERATIONS` names them; of a package all modules are imported.

    Raises:
        OperationError: a module cannot be imported, declares nothing, or declares wrongly.
    """
    found: list[Operation] = []
    for name in modules:
        module = import_module(name)
        declared = [one for each in (module, *_submodules(module)) for one in _declared(each)]
        if not declared:
            raise OperationError(f"{name}: this module declares no operation")
        found += declared
    return Registry(dict.fromkeys(found))


def import_module(name: str) -> ModuleType:
    """Import a module that an installation names.

    Raises:
        OperationError: it cannot be imported; the message names the line.
    """
    try:
        return importlib.import_module(name)
    except (OperationError, Leaving):
        raise
    except ModuleNotFoundError as error:
        raise OperationError(f"{name}: cannot be imported: {error}{_place(error)}") from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and may_be_a_keys():
            raise
        said = describe(error)
        raise OperationError(f"{name}: cannot be imported: {said}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """Return where an import failed: the last line that is not of the machinery of imports."""
    frames = [
        each
        for each in traceback.extract_tb(error.__traceback__)
        if "importlib" not in each.filename and each.filename != __file__
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _submodules(package: ModuleType) -> list[ModuleType]:
    paths = getattr(package, "__path__", None)
    if paths is None:
        return []
    names = sorted(entry.name for entry in pkgutil.iter_modules(paths))
    return [import_module(f"{package.__name__}.{name}") for name in names]


def _declared(module: ModuleType) -> list[Operation]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, Operation) and value.__module__ == module.__name__
    ]
