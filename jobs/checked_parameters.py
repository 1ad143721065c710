"""Checked parameters: what is stored of them, and their meaning for comparisons."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from callboard.jobs.errors import OperationFault
from callboard.jobs.files.file import File
from callboard.jobs.files.parameters import FileUse
from callboard.jobs.files.records import FileRecord
from callboard.jobs.fingerprint import canonical_form
from callboard.jobs.signature import Signature
from callboard.jobs.user_code import call_user_code


@dataclass(frozen=True)
class CheckedParameters:
    """Parameters that fit a function.

    Attributes:
        params: the parameters as sent, with the defaults from factories.
        arguments: the function's arguments.
        files: the files in them, by JSON Pointer into the parameters.
    """

    signature: Signature
    params: dict[str, Any]
    model: BaseModel
    arguments: dict[str, Any]
    files: Mapping[str, File]

    @property
    def uses(self) -> Sequence[FileUse]:
        """The places that name files, in order."""
        return [FileUse(where, file.id, file.accepts) for where, file in self.files.items()]

    def know_files(self, known: Mapping[str, FileRecord]) -> Mapping[str, str]:
        """Set the metadata of the files in the arguments from their records.

        Args:
            known: their records, by their ids.

        Returns:
            The content of each file, by its id: equal for files with equal bytes.
        """
        for file in self.files.values():
            record = known[file.id]
            file.name, file.media_type = record.name, record.media_type
            file.finalize(size=record.size, sha256=record.sha256)
        return {file_id: f"sha256:{record.sha256}" for file_id, record in known.items()}

    def meaning(self, content: Mapping[str, str]) -> dict[str, Any]:
        """Return JSON-like data that is equal for parameters that mean the same.

        A value of an unknown type is compared as its schema serialises it, or else as it was sent.

        Args:
            content: the content of each file, by its id.
        """
        found: dict[str, Any] = {}
        for name, attribute in self.signature.attributes.items():
            info = self.signature.model.model_fields[attribute]
            key = info.serialization_alias or info.alias or name
            found[key] = self.meaning_of(name, content)
        return found

    def meaning_of(self, name: str, content: Mapping[str, str]) -> Any:
        """Return JSON-like data that is equal for values of a parameter that mean the same.

        Args:
            name: as the function has it.
            content: as for `meaning`.
        """

        def of_file(file: File) -> str:
            return content[file.id]

        def by_value() -> Any:
            return canonical_form(self.arguments[name], of_file)

        def by_schema() -> Any:
            (written,) = self.model.model_dump(
                mode="json",
                include={self.signature.attributes[name]},
                context=of_file,
                warnings=False,
            ).values()
            return written

        for means in (by_value, by_schema):
            with suppress(OperationFault, ValidationError):
                return call_user_code(means, self.signature.label, "tell jobs apart")
        return self.params.get(self.signature.keys[name])


@dataclass(frozen=True)
class Digests:
    """What parameters mean to jobs with others.

    Attributes:
        fingerprint: what equal jobs have in common; None when equal jobs may run.
        values: the digest of each value that the operation limits, by the parameter's name.
    """

    fingerprint: str | None
    values: Mapping[str, str]


@dataclass(frozen=True)
class Validated:
    """What a submission needs of checked parameters.

    Attributes:
        params: the parameters as sent, with the defaults from factories.
        uses: the places that name files, in order.
        digests: takes the records of the files by their ids, and raises OperationFault.
    """

    params: Mapping[str, Any]
    uses: Sequence[FileUse]
    digests: Callable[[Mapping[str, FileRecord]], Digests]
