"""Writes fake newer releases of all locked packages: `python -m tools.newer_releases FOLDER`.

They are empty and break any installation that uses them. With `PIP_FIND_LINKS=FOLDER`, an
installation must be the same as without it: `PIP_FIND_LINKS=/tmp/newer make test VENV=/tmp/venv`.
"""

import base64
import hashlib
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tools.sbom import read_lock

LOCKS: Final = (Path(".ci/installer.lock"), Path("requirements-dev.lock"))
NEWER: Final = "9999"


def main() -> None:
    """Fill the folder named on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted({pin.name for lock in LOCKS for pin in read_lock(lock)})
    for name in names:
        write_wheel(folder, name, NEWER)
    print(f"{folder}: {len(names)} packages, each in version {NEWER}")


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, bytes] | None = None,
    metadata: Sequence[str] = (),
) -> Path:
    """Write a wheel for every Python and machine.

    Args:
        folder: the target.
        name: of the package.
        version: of the release.
        files: contents by path; without any, it is empty.
        metadata: additional lines, such as `Requires-Dist: other>=1`.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *metadata, ""]
    packed = {
        **(files or {}),
        f"{about}/METADATA": "\n".join(lines).encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in packed.items()]
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in packed.items():
            archive.writestr(path, data)
        archive.writestr(f"{about}/RECORD", "\n".join([*record, f"{about}/RECORD,,", ""]))
    return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    main()
