"""The routes of callbacks: what is delivered of a job or a batch, and sending it again."""

from typing import Final

from callboard.api.openapi.description import Answer, Body, Description, Descriptions
from callboard.api.openapi.paths.jobs import GONE, NOT_FOUND, READ
from callboard.api.problems import table
from callboard.api.problems.problem_type import ProblemType
from callboard.api.problems.table import INVALID_REQUEST

_TAG: Final = "Callbacks"


def callbacks_of(of: str, path: str, missing: tuple[ProblemType, ...]) -> Descriptions:
    """Describe the routes of the callbacks of one kind of thing.

    Args:
        of: the kind, in lower case.
        path: of one of them.
        missing: the problems of one that is not there.
    """
    name = of.capitalize()
    return {
        (f"{path}/callbacks", "GET"): Description(
            id=f"list{name}Callbacks",
            tag=_TAG,
            summary=f"List a {of}'s callbacks",
            says=f"Lists what is, was or could not be delivered of a {of}. What has ended is "
            "listed for seven days.",
            answers={
                200: Answer(
                    says="All its callbacks.",
                    schema="DeliveryPage",
                    headers=("Vary",),
                    links=(f"resendFirstOf{name}",),
                )
            },
            problems=missing,
        ),
        (f"{path}/callbacks/{{delivery}}/resend", "POST"): Description(
            id=f"resend{name}Callback",
            tag=_TAG,
            summary=f"Send a {of}'s callback again",
            says="Lets a callback begin from the start, now, with the same `webhook-id`. "
            "A repeat does no harm.",
            body=Body(schema="ResendRequest", required=False),
            answers={202: Answer(says="It is due.", schema="Delivery", headers=("Vary",))},
            problems=(
                *READ,
                INVALID_REQUEST,
                *missing,
                table.DELIVERY_NOT_FOUND,
                table.DELIVERY_PENDING,
            ),
        ),
    }


DESCRIPTIONS: Final[Descriptions] = {
    **callbacks_of("job", "/v1/jobs/{job_id}", (NOT_FOUND, GONE)),
    **callbacks_of("batch", "/v1/batches/{batch_id}", (table.BATCH_NOT_FOUND,)),
}
