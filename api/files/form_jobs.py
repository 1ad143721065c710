"""Reads a submission from a form: its parameters and files."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from callboard.api.files.fields import Fields
from callboard.api.files.form_rules import STRICT, FormRules
from callboard.api.files.incoming import Incoming
from callboard.api.files.multipart import MAX_PARTS, Part, read_parts
from callboard.api.files.uploads import Arrived, FileRefused, Reception, receiving
from callboard.api.media import JSON, Media
from callboard.api.problems.problem import Problem, invalid_request
from callboard.api.problems.table import BODY_TOO_LARGE
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.jobs.ids import JOB_ID_PATTERN
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.operation import Operation

PARAMS = "params"
MAX_IN_LIST = 64
"""How many files or fields may be given for one parameter."""

_ID: Final = re.compile(JOB_ID_PATTERN.encode())
_ID_BYTES: Final = 36
_MAX_SHOWN_LENGTH: Final = 64


@dataclass(frozen=True)
class FormSubmission:
    """A submission that was read from a form.

    Attributes:
        params: the parameters, with the ids of the stored files.
        told: the same with the files' digests, by which a repeat of the form is recognised.
        others: the fields that are not parameters, as text.
        refused: the files that were refused, if the form is accepted without them.
        reception: holds the files; after the submission, drop those that no job uses.
    """

    params: dict[str, Any]
    told: dict[str, Any]
    others: dict[str, str]
    refused: tuple[FileRefused, ...]
    reception: Reception


class FormReader:
    """Reads the forms of `POST /v1/operations/{name}`."""

    def __init__(self, services: Services, media: Media) -> None:
        self._services = services
        self._media = media

    def read(
        self,
        req: Request,
        operation: Operation,
        rules: FormRules = STRICT,
    ) -> FormSubmission:
        """Read a form; store its files once all of it has arrived.

        Args:
            req: the request.
            operation: what the form's fields are parameters of.
            rules: what else is accepted.

        Raises:
            Problem, CallboardError: the form is refused, and none of its files is stored.
        """
        with receiving(self._services, req) as reception:
            fields = Fields(operation.parameters.schema, self._media.parse_json, Problem)
            most = self._services.settings.max_body_bytes
            given = _Given(operation, fields, reception, self._media.parse_json, most, rules)
            for part in read_parts(req, Incoming(req), most=_most_parts(operation, fields)):
                given.take(part)
            params = given.params()
            many = {name for name, each in operation.parameters.files.items() if each.many}
            told = params | _valued(
                {name: [_told(each) for each in files] for name, files in given.files.items()}, many
            )
            kept = {
                name: [reception.keep(each).id for each in files]
                for name, files in given.files.items()
            }
            params |= _valued(kept, many)
            refused = tuple(given.refused)
            return FormSubmission(params, told, given.other_texts, refused, reception)


@dataclass
class _Given:
    """The part of a form that has arrived so far."""

    operation: Operation
    fields: Fields
    reception: Reception
    parse_json: Callable[[bytes], Any]
    left_bytes: int
    rules: FormRules
    refused: list[FileRefused] = field(default_factory=list)
    other_texts: dict[str, str] = field(default_factory=dict)
    whole: list[Any] = field(default_factory=list)
    files: dict[str, list[Arrived]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)

    def take(self, part: Part) -> None:
        if part.name == PARAMS and PARAMS not in self.operation.parameters.files:
            if self.whole:
                raise invalid_request([("/params", "appears more than once")])
            self.whole.append(self.parse_json(self._read(part)))
        elif part.name in self.operation.parameters.files:
            self._take_file(part)
        else:
            self._take_field(part)

    def params(self) -> dict[str, Any]:
        """Return all parameters except uploaded files."""
        params = self.whole[0] if self.whole else {}
        if not isinstance(params, dict):
            raise invalid_request([("", "must be an object")])
        apart = [*self.files, *self.texts, *self.values]
        twice = {name for name in apart if name in params or apart.count(name) > 1}
        if twice:
            raise invalid_request(
                [(pointer_of((name,)), "is also sent as a separate part") for name in sorted(twice)]
            )
        texts = {name: self.fields.value(name, texts) for name, texts in self.texts.items()}
        values = {
            name: values if len(values) > 1 else values[0] for name, values in self.values.items()
        }
        return params | texts | values

    def _take_file(self, part: Part) -> None:
        wanted = self.operation.parameters.files[part.name]
        pointer = pointer_of((part.name,))
        arrived = self.files.get(part.name, ())
        if arrived and not wanted.many:
            raise invalid_request([(pointer, "takes one file, but appears more than once")])
        if len(arrived) >= MAX_IN_LIST:
            raise invalid_request([(pointer, f"takes at most {MAX_IN_LIST} files")])
        if part.filename is None and part.declared is None:
            begin = part.read(_ID_BYTES + 1)
            if _ID.fullmatch(begin):  # the field names a file that was uploaded before
                self._append(self.texts, part.name, begin.decode())
                return
            part = replace(part, read=_rejoined(begin, part.read))
        try:
            taken = self.reception.take(
                part.read,
                name=part.filename,
                declared=part.declared,
                accepts=wanted.accepts,
                check=self.rules.check,
            )
        except FileRefused as refused:
            if not self.rules.collect_refused:
                raise
            self.refused.append(refused)
            return
        self.files.setdefault(part.name, []).append(taken)

    def _take_field(self, part: Part) -> None:
        pointer = pointer_of((part.name[:_MAX_SHOWN_LENGTH],))
        if part.name in self.rules.others:
            self.other_texts[part.name] = _decoded(self._read(part), pointer)
            return
        if part.name not in self.fields:
            if self.rules.lenient:
                self._read(part)
                return
            raise invalid_request(
                [
                    (
                        pointer,
                        f"is not a parameter of this operation; it has {self.fields.names()}",
                    )
                ]
            )
        if part.filename is not None:
            raise invalid_request(
                [(pointer, "is not a file parameter; send it as a field without a filename")]
            )
        body = self._read(part)
        if (part.declared or "").partition(";")[0].strip().lower() == JSON:
            self._append(self.values, part.name, self.parse_json(body))
            return
        self._append(self.texts, part.name, _decoded(body, pointer))

    def _append(self, given: dict[str, list[Any]], name: str, value: Any) -> None:
        known = given.setdefault(name, [])
        if known and not self.fields.is_list(name):
            raise invalid_request([(pointer_of((name,)), "appears more than once")])
        if len(known) >= MAX_IN_LIST:
            raise invalid_request([(pointer_of((name,)), f"takes at most {MAX_IN_LIST} fields")])
        known.append(value)

    def _read(self, part: Part) -> bytes:
        body = part.read_whole(self.left_bytes)
        self.left_bytes -= len(body)
        if self.left_bytes < 0:
            raise Problem(BODY_TOO_LARGE, "The parts other than files are too large in total.")
        return body


def _decoded(body: bytes, pointer: str) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise invalid_request([(pointer, "is not UTF-8 text")]) from error


def _rejoined(begin: bytes, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Return what was read for inspection, before the rest."""
    first = [begin] if begin else []

    def rest(size: int) -> bytes:
        if not first:
            return read(size)
        piece = first.pop()
        if len(piece) > size:
            first.append(piece[size:])
        return piece[:size]

    return rest


def _most_parts(operation: Operation, fields: Fields) -> int:
    names = operation.parameters.schema.get("properties", {})
    return max(MAX_PARTS, 1 + sum(MAX_IN_LIST if fields.is_list(name) else 1 for name in names))


def _valued(found: dict[str, list[Any]], many: set[str]) -> dict[str, Any]:
    return {name: values if name in many else values[0] for name, values in found.items()}


def _told(arrived: Arrived) -> list[str]:
    return ["file", arrived.staged.sha256, arrived.name, arrived.media_type]
