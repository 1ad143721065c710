"""Writes a bill of materials of the runtime packages, in CycloneDX JSON, from project and lock."""

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

_PIN: Final = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_VIA: Final = re.compile(r"\s+#\s+(via )?(?P<name>\S+.*)")


@dataclass
class Pin:
    """A locked package, and its dependents."""

    name: str
    version: str
    wanted_by: list[str] = field(default_factory=list)


def main() -> None:
    """Write the file named on the command line."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    bom = bill(Path("pyproject.toml"), Path("requirements.lock"))
    target.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n", encoding="utf-8")
    print(f"{target}: {len(bom.components)} components")


def bill(project: Path, lock: Path) -> Bom:
    """List every locked package with its version, and their dependencies."""
    about = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    root = _component(about["name"], about["version"], ComponentType.APPLICATION)
    pins = list(read_lock(lock))
    # One name may have several versions, each for different platforms.
    parts = [_component(pin.name, pin.version, ComponentType.LIBRARY) for pin in pins]
    bom = Bom(components=parts)
    bom.metadata.component = root
    for each in (root, *parts):
        wanted = [part for part, pin in zip(parts, pins, strict=True) if each.name in _wants(pin)]
        bom.register_dependency(each, wanted)
    return bom


def read_lock(lock: Path) -> Iterator[Pin]:
    """Read names, exact versions and the comments that name their dependents.

    Raises:
        ValueError: the lock pins nothing.
    """
    pin: Pin | None = None
    for line in lock.read_text(encoding="utf-8").splitlines():
        if found := _PIN.match(line):
            if pin is not None:
                yield pin
            pin = Pin(canonicalize_name(found["name"]), found["version"])
        elif pin is not None and (found := _VIA.fullmatch(line)):
            pin.wanted_by.append(found["name"])
    if pin is None:
        raise ValueError(f"{lock} pins no package")
    yield pin


def _wants(pin: Pin) -> set[str]:
    """Return names without extras, and without the file of the project's own requirements."""
    return {canonicalize_name(re.split(r"[\[ ]", each, maxsplit=1)[0]) for each in pin.wanted_by}


def _component(name: str, version: str, kind: ComponentType) -> Component:
    address = PackageURL(type="pypi", name=name, version=version)
    return Component(
        name=name, version=version, type=kind, purl=address, bom_ref=address.to_string()
    )


if __name__ == "__main__":
    main()
