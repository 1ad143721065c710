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


def _to_batch(operation: str, says: str) -> dict[str, Any]:
    return {"operationId": operation, "description": says, "parameters": {"batch_id": _ID}}


def _to_file(operation: str, says: str) -> dict[str, Any]:
    return {"operationId": operation, "description": says, "parameters": {"file_id": _ID}}


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
    "callbacks": _to("listJobCallbacks", "See what is delivered of it."),
    **{
        f"resendFirstOf{kind.capitalize()}": {
            "operationId": f"resend{kind.capitalize()}Callback",
            "description": "Send the first callback of the list again.",
            "parameters": {f"{kind}_id": f"$request.path.{kind}_id", "delivery": _FIRST},
        }
        for kind in ("job", "batch")
    },
    "lookAtBatch": _to_batch("getBatch", "See how far it is."),
    "cancelBatch": _to_batch("cancelBatch", "Cancel what is left of it."),
    "lookAtFile": _to_file("getFile", "See what is known of it."),
    "downloadFile": _to_file("getFileContent", "Download it."),
    "removeFile": _to_file("deleteFile", "Remove it."),
    "lookAtOffered": _to("getJob", "See how the job is meanwhile.", _OFFERED),
    # The body would be an object with the token within, which many programs cannot read here.
    "confirmCancel": _to(
        "cancelJob", "Confirm the cancel: send `confirmation.token` as `confirm`.", _OFFERED
    ),
}
