"""Clients in two languages, generated from the document."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from callboard.config.environment import bare_environment

PACKAGE: Final = "generated_client"
_PATIENCE_SECONDS: Final = 150
_SPARE: Final = dict.fromkeys(("apiTests", "modelTests", "apiDocs", "modelDocs"), "false")
# Without it, TypeScript imports the types of forms and leaves them out.
_FORMS: Final = {"skipFormModel": "false"}
_LANGUAGES: Final = {
    "python": {"additionalProperties": {"packageName": PACKAGE}},
    "typescript-fetch": {},
}
_STRICT: Final = {
    "strict": True,
    "noEmit": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2022", "dom"],
    "types": [],
}


def generate(document: dict[str, Any], folder: Path) -> Path:
    """Write the clients to folders named after their languages, and return the parent.

    One run of the generator creates both, because its start takes most of the time.
    """
    source = folder / "openapi.json"
    source.write_text(json.dumps(document), encoding="utf-8")
    orders = []
    for language, chosen in _LANGUAGES.items():
        order = folder / f"{language}.json"
        wanted = {
            "generatorName": language,
            "inputSpec": str(source),
            "outputDir": str(folder / language),
            "globalProperties": _SPARE | _FORMS,
            **chosen,
        }
        order.write_text(json.dumps(wanted), encoding="utf-8")
        orders.append(str(order))
    done = subprocess.run(
        [
            Path(sys.executable).with_name("openapi-generator-cli"),
            "batch",
            "--fail-fast",
            "--threads=2",
            *orders,
        ],
        cwd=folder,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    project = {"compilerOptions": _STRICT, "include": ["**/*.ts"]}
    (folder / "typescript-fetch" / "tsconfig.json").write_text(json.dumps(project), "utf-8")
    return folder
