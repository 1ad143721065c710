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
    "look": _to("getJob", "Get the job."),
    "result": _to("getResult", "Fetch the job's result."),
    "events": _to("streamEvents", "Follow the job's events."),
    "log": _to("getLog", "Read the job's log."),
    "cancel": _to("cancelJob", "Request a cancel, to be confirmed in a second step."),
    "delete": _to("deleteJob", "Cancel the job in one step."),
    "retry": _to("retryJob", "Retry the job."),
}

LINKS: Final[dict[str, dict[str, Any]]] = {
    **JOB,
    "lookAtFirst": _to("getJob", "Get the first job of the page.", _FIRST),
    "resultOfFirst": _to("getResult", "Fetch the result of the first job of the page.", _FIRST),
    "lookAtExisting": _to("getJob", "Get the active job.", _EXISTING),
    "callbacks": _to("listJobCallbacks", "List its deliveries."),
    **{
        f"resendFirstOf{kind.capitalize()}": {
            "operationId": f"resend{kind.capitalize()}Callback",
            "description": "Repeat the first delivery of the list.",
            "parameters": {f"{kind}_id": f"$request.path.{kind}_id", "delivery": _FIRST},
        }
        for kind in ("job", "batch")
    },
    "lookAtBatch": _to_batch("getBatch", "Get the batch."),
    "cancelBatch": _to_batch("cancelBatch", "Cancel its active jobs."),
    "lookAtFile": _to_file("getFile", "Get the file's metadata."),
    "downloadFile": _to_file("getFileContent", "Download the file."),
    "removeFile": _to_file("deleteFile", "Remove the file."),
    "lookAtOffered": _to("getJob", "Get the job's current state.", _OFFERED),
    # The body would be an object with the token within, which many programs cannot read here.
    "confirmCancel": _to(
        "cancelJob", "Confirm the cancel: send `confirmation.token` as `confirm`.", _OFFERED
    ),
}
