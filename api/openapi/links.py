"""What can be asked next after an answer, and with what from it."""

from typing import Any, Final

_ID: Final = "$response.body#/id"
_FIRST: Final = "$response.body#/items/0/id"
_OFFERED: Final = "$response.body#/job/id"
_EXISTING: Final = "$response.body#/existing_job/id"


def _to(operation: str, says: str, job_id: str = _ID) -> dict[str, Any]:
    return {
        "operationId": operation,
        "description": says,
        "parameters": {"job_id": job_id},
    }


JOB: Final[dict[str, dict[str, Any]]] = {
    "look": _to("getJob", "See how the job is."),
    "result": _to("getResult", "Fetch its result."),
    "events": _to("streamEvents", "Follow it."),
    "log": _to("getLog", "Read its log."),
    "cancel": _to("cancelJob", "Ask for a cancel, which a second step confirms."),
    "delete": _to("deleteJob", "Cancel it in one step."),
    "retry": _to("retryJob", "Run it again."),
}

LINKS: Final[dict[str, dict[str, Any]]] = {
    **JOB,
    "lookAtFirst": _to("getJob", "See how the first job of the page is.", _FIRST),
    "resultOfFirst": _to("getResult", "Fetch the result of the first job of the page.", _FIRST),
    "lookAtExisting": _to("getJob", "See how the job is that is active already.", _EXISTING),
    "lookAtOffered": _to("getJob", "See how the job is meanwhile.", _OFFERED),
    # The body would be an object with the token within, which many programs cannot read here.
    "confirmCancel": _to(
        "cancelJob", "Confirm the cancel: send `confirmation.token` as `confirm`.", _OFFERED
    ),
}
