"""Read a submission that is a form: its parameters, and the files that come with them."""

from dataclasses import dataclass
from typing import Any

from api.files.incoming import Incoming
from api.files.multipart import MOST_PARTS, Part, read_parts
from api.files.uploads import Arrived, Reception, receiving
from api.media import Media
from api.problems.problem import invalid_request
from api.request import Request
from api.services import Services
from jobs.operation import Operation
from jobs.parameters import pointer_of

PARAMS = "params"
MOST_IN_LIST = 64
"""So many files may be given for one parameter."""


@dataclass(frozen=True)
class FormSubmission:
    """What a form came to.

    Attributes:
        params: with the ids of the files, which are kept.
        told: the same with what the files hold, by which a repeat of the form is recognised.
        reception: has the files; whoever submits lets it drop those that no job uses.
    """

    params: dict[str, Any]
    told: dict[str, Any]
    reception: Reception


class FormReader:
    """Reads forms of `POST /v1/operations/{name}`."""

    def __init__(self, services: Services, media: Media) -> None:
        self._services = services
        self._media = media

    def read(self, req: Request, operation: Operation) -> FormSubmission:
        """Read a form; its files are kept once all of it has come.

        Raises:
            Problem, CallboardError: it cannot be taken, and nothing of it is kept.
        """
        with receiving(self._services, req.context.caller.tenant) as reception:
            params: Any = None
            arrived: dict[str, list[Arrived]] = {}
            for part in read_parts(req, Incoming(req), most=_most_parts(operation)):
                if part.name != PARAMS or PARAMS in operation.parameters.files:
                    there = len(arrived.get(part.name, ()))
                    taken = self._take(part, operation, reception, there=there)
                    arrived.setdefault(part.name, []).append(taken)
                elif params is not None:
                    raise invalid_request([("/params", "is given more than once")])
                else:
                    settings = self._services.settings
                    params = self._media.parse_json(part.read_whole(settings.max_body_bytes))
            params = _object({} if params is None else params, arrived)
            many = {name for name, each in operation.parameters.files.items() if each.many}
            told = params | _valued(
                {name: [_told(each) for each in files] for name, files in arrived.items()}, many
            )
            kept = {
                name: [reception.keep(each).id for each in files] for name, files in arrived.items()
            }
            return FormSubmission(params | _valued(kept, many), told, reception)

    def _take(
        self, part: Part, operation: Operation, reception: Reception, *, there: int
    ) -> Arrived:
        wanted = operation.parameters.files.get(part.name)
        pointer = pointer_of((part.name[:64],))
        if wanted is None:
            raise invalid_request([(pointer, "is no parameter of this operation that is a file")])
        if there and not wanted.many:
            raise invalid_request([(pointer, "is one file, and is given more than once")])
        if there >= MOST_IN_LIST:
            raise invalid_request([(pointer, f"may have {MOST_IN_LIST} files at most")])
        return reception.take(
            part.read, name=part.filename, declared=part.declared, accepts=wanted.accepts
        )


def _most_parts(operation: Operation) -> int:
    files = operation.parameters.files.values()
    return max(MOST_PARTS, 1 + sum(MOST_IN_LIST if each.many else 1 for each in files))


def _object(params: Any, arrived: dict[str, list[Arrived]]) -> dict[str, Any]:
    if not isinstance(params, dict):
        raise invalid_request([("", "must be an object")])
    twice = [(pointer_of((name,)), "is given as a part, too") for name in arrived if name in params]
    if twice:
        raise invalid_request(twice)
    return params


def _valued(found: dict[str, list[Any]], many: set[str]) -> dict[str, Any]:
    return {name: values if name in many else values[0] for name, values in found.items()}


def _told(arrived: Arrived) -> list[str]:
    return ["file", arrived.staged.sha256, arrived.name, arrived.media_type]
