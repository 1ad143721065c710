"""The routes of operations: what can be run, and running one."""

from typing import Final

from callboard.api.files.multipart import FORM
from callboard.api.openapi.description import Answer, Body, Description, Descriptions
from callboard.api.openapi.files import form_encoding
from callboard.api.openapi.operations import parameters_example
from callboard.api.openapi.paths.files import TAKEN
from callboard.api.openapi.paths.jobs import RETURNED, SUBMIT_HEADERS, SUBMITTED, accepted
from callboard.api.problems import table
from callboard.jobs.operation import Operation

_TAG: Final = "Operations"
_UNKNOWN: Final = table.UNKNOWN_OPERATION
_OPTIONS: Final = (
    "priority",
    "delay_seconds",
    "run_at",
    "result_ttl_seconds",
    "labels",
    "callback_url",
    "callback_events",
)
ONE: Final = "/v1/operations/{name}"

DESCRIPTIONS: Final[Descriptions] = {
    ("/v1/operations", "GET"): Description(
        id="listOperations",
        tag=_TAG,
        summary="List operations",
        says="Lists what can be run: operations of this server by name, then examples.",
        answers={
            200: Answer(says="All operations.", schema="OperationPage", headers=("Vary",)),
        },
    ),
    (ONE, "GET"): Description(
        id="getOperation",
        tag=_TAG,
        summary="Look at an operation",
        says="Describes an operation.",
        answers={200: Answer(says="The operation.", schema="Operation", headers=("Vary",))},
        problems=(_UNKNOWN,),
    ),
    (ONE, "POST"): Description(
        id="runOperation",
        tag=_TAG,
        summary="Run an operation",
        says="Submits a job; the body is the operation's parameters.",
        parameters=(*SUBMIT_HEADERS, *_OPTIONS),
        body=Body(schema="AnyParameters"),
        callbacks=("jobEventByQuery",),
        answers={**accepted("Job"), 303: RETURNED},
        problems=(*SUBMITTED, _UNKNOWN, table.DUPLICATE_JOB),
    ),
    (f"{ONE}/pause", "POST"): Description(
        id="pauseOperation",
        tag=_TAG,
        summary="Pause an operation",
        says="Lets no more of its jobs start; those that run go on. For operators.",
        answers={
            200: Answer(says="The operation as it is.", schema="Operation", headers=("Vary",))
        },
        problems=(_UNKNOWN,),
    ),
    (f"{ONE}/resume", "POST"): Description(
        id="resumeOperation",
        tag=_TAG,
        summary="Resume an operation",
        says="Lets its jobs start again. For operators.",
        answers={
            200: Answer(says="The operation as it is.", schema="Operation", headers=("Vary",))
        },
        problems=(_UNKNOWN,),
    ),
}


def of_operation(operation: Operation, prefix: str) -> Descriptions:
    """Describe the routes of one operation, which have a path of their own.

    Args:
        operation: which.
        prefix: what the names of its schemas begin with.
    """
    name = operation.name
    rules = operation.rules
    unique = rules.unique or rules.unique_by is not None
    example = parameters_example(operation)
    returns = unique and rules.on_conflict == "return"
    takes_files = bool(operation.parameters.files)
    first, _, rest = operation.description.partition("\n")
    return {
        (ONE, "GET"): Description(
            id=f"describe{prefix}",
            tag=_TAG,
            summary=f"Look at {name}",
            says=f"Describes `{name}`.",
            answers={200: Answer(says="The operation.", schema="Operation", headers=("Vary",))},
        ),
        (ONE, "POST"): Description(
            id=f"run{prefix}",
            tag=_TAG,
            summary=f"Run {name}",
            says="\n".join(filter(None, (first or f"Runs `{name}`.", rest))),
            parameters=(*SUBMIT_HEADERS, *_OPTIONS),
            body=Body(
                schema=f"{prefix}Parameters",
                also={FORM: f"{prefix}Form"} if takes_files else {},
                encoding=form_encoding(operation) if takes_files else {},
                examples={} if example is None else {name: example},
            ),
            callbacks=("jobEventByQuery",),
            answers={**accepted(f"{prefix}Job"), **({303: RETURNED} if returns else {})},
            problems=(
                *SUBMITTED,
                *(TAKEN if takes_files else ()),
                *((table.DUPLICATE_JOB,) if unique else ()),
            ),
        ),
    }
