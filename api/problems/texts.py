"""What each type of problem means and what to do about it, in words for people."""
# long: nothing but the words of the pages, a few lines for each type

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Text:
    """An explanation.

    Attributes:
        meaning: what happened.
        advice: what to do.
    """

    meaning: str
    advice: str


REQUESTS: Final[Mapping[str, Text]] = {
    "bad-request": Text(
        "The request is not HTTP as this server reads it: its method, address, query or a header "
        "cannot be understood.",
        "Read `detail`, and look at what your client really sends. Repeating the same request "
        "gives the same answer.",
    ),
    "malformed-body": Text(
        "The body does not hold what its type promises. It is empty, cut off, not JSON or msgpack, "
        "nested too deeply, or has what is refused everywhere: NaN, numbers of more than 64 bits, "
        "members that stand twice in one object, lone surrogates, msgpack extensions.",
        "`detail` says where. Let a library write the body instead of joining strings.",
    ),
    "invalid-header": Text(
        "A header has a value that it must not have.",
        "`detail` names the header and its rule.",
    ),
    "authentication-required": Text(
        "The request has no key, or one that is not known here. Keys that were revoked are not "
        "known any more.",
        "Send `Authorization: Bearer <key>` or `X-API-Key: <key>`. An operator makes a key with "
        "`callboardctl keys create`.",
    ),
    "forbidden": Text(
        "The key is known, and its role does not allow this request. A `viewer` reads, a `client` "
        "also submits and cancels, an `operator` sees all tenants and the fleet.",
        "Use a key with the role that `detail` names, or ask an operator for one.",
    ),
    "other-origin": Text(
        "A browser sent the request for a page of another site. While a server asks for no key, "
        "it does nothing for those: they could run operations for whoever opens them.",
        "Use the pages of this server, or let the operator set up keys, and send one.",
    ),
    "misdirected": Text(
        "The name in the address is none that this server has. While it asks for no key, it has "
        "those of loopback, such as `localhost`; else those that its operator has listed.",
        "Use the server's own name. Operators list names with `CALLBOARD_HOSTS`, or give "
        "`CALLBOARD_PUBLIC_URL`.",
    ),
    "not-found": Text(
        "No route has this address.",
        "Compare it with the addresses under `/docs`. Follow the `links` of a job instead of "
        "building addresses.",
    ),
    "method-not-allowed": Text(
        "The address is right, and it has other methods.",
        "The header `Allow` lists them.",
    ),
    "no-result": Text(
        "The job is final and has no result: it failed, or it was cancelled.",
        "The member `error` says why. Submit the job again if that can help.",
    ),
    "not-acceptable": Text(
        "`Accept` excludes the one type that this address has.",
        "Leave `Accept` out, or let it take the type that `detail` names.",
    ),
    "length-required": Text(
        "The request has a body and does not say how long it is.",
        "Send `Content-Length`, or send the body in chunks. HTTP libraries do it by themselves.",
    ),
    "body-too-large": Text(
        "The body is larger than what is read at once, or holds more values: texts, numbers, "
        "lists, objects and names of members.",
        "`detail` says how much is read. Send less, or send a reference to data that the "
        "operation can fetch. Operators set the bound with `CALLBOARD_MAX_BODY_BYTES`.",
    ),
    "invalid-file": Text(
        "The bytes of the file are not as they must be: there are none, or their digest is not "
        "the one that the request says.",
        "`detail` says what is wrong. Send the file again, whole.",
    ),
    "file-ambiguous": Text(
        "The file can be read as two types, such as an image that is an archive, too. Who checks "
        "the one and opens the other is deceived.",
        "Save it anew with a program of its type.",
    ),
    "file-type-not-accepted": Text(
        "The bytes of the file are not of the type that was declared, or the operation takes no "
        "files of this type.",
        "`detail` says what the bytes are. `GET /v1/operations/{name}` shows which types are "
        "taken. Declare the right type in `Content-Type`, or `application/octet-stream`.",
    ),
    "batch-not-found": Text(
        "There is no batch with this id, or it belongs to another tenant, or all of its jobs have "
        "expired or were removed, and it with them.",
        "Check the batch's id, and whose key was sent. It is kept as long as one of its jobs is.",
    ),
    "batch-gone": Text(
        "This Idempotency-Key made a batch whose jobs have all expired or were removed.",
        "Use a new key to submit the same items once more.",
    ),
    "batch-closed": Text(
        "The batch was cancelled while its items were being submitted, or its submission broke off "
        "and was not repeated within a minute, before it came to this item.",
        "Submit the item in another batch, if it is still wanted.",
    ),
    "file-missing": Text(
        "The parameters name a file that is not there: it was removed, or its time was over.",
        "Upload it again, and submit with the new id.",
    ),
    "file-not-found": Text(
        "There is no file with this id, or it belongs to another tenant, or its time was over.",
        "Check the id, and whose key was sent. `GET /v1/files` lists what was uploaded.",
    ),
    "file-in-use": Text(
        "A job takes this file or made it, so it stays as long as the job is kept.",
        "Remove the job with `DELETE /v1/jobs/{id}?purge=true` first, or wait: the file goes when "
        "the job does.",
    ),
    "file-too-large": Text(
        "The file is larger than files may be, here or for this parameter.",
        "`detail` says how large it may be. Operators set the bound with "
        "`CALLBOARD_MAX_FILE_BYTES`.",
    ),
    "storage-full": Text(
        "The files of this tenant take, with those that are on their way, as much room as they "
        "may.",
        "Remove files that are not needed (`GET /v1/files`), or wait until some expire. Operators "
        "set the bound with `CALLBOARD_TENANT_STORAGE_BYTES`.",
    ),
    "uri-too-long": Text(
        "The first line of the request is longer than what is read of it.",
        "Shorten the query; parameters of an operation belong into the body.",
    ),
    "precondition-failed": Text(
        "`If-Match` names another version than there is.",
        "The header `ETag` of a `GET` names the one that there is.",
    ),
    "range-not-satisfiable": Text(
        "`Range` asks for bytes beyond the end.",
        "The header `Content-Range` says how many bytes there are.",
    ),
    "unsupported-media-type": Text(
        "The body is of a type that is not read here, says no type, or is compressed.",
        "Send `application/json` or `application/msgpack` and say so in `Content-Type`.",
    ),
    "headers-too-large": Text(
        "The request has too many headers, or too large ones.",
        "Send fewer; cookies and tracing baggage are not read here.",
    ),
    "not-implemented": Text(
        "The request asks for something of HTTP that this server does not do, such as an unknown "
        "transfer coding.",
        "Send it in a plainer way.",
    ),
    "invalid-request": Text(
        "The request was read, and a member or query parameter is missing, unknown, of a wrong "
        "type or out of its range.",
        "Each entry of `errors` says what is wrong and has a pointer: a JSON Pointer into the "
        "body, or the name of a query parameter.",
    ),
    "internal-error": Text(
        "The server met something that it did not expect. Whether the request had an effect is "
        "not known.",
        "Try again; with the same `Idempotency-Key` a submission makes one job at most. If it "
        "happens again, give `request_id` to whoever runs the server: the failure is in its log.",
    ),
    "operation-fault": Text(
        "Code of the operation itself, such as a validator of a parameter, raised an error that "
        "says nothing about the request. No job was made.",
        "Whoever runs the server finds the error under `request_id` in its log. Authors: raise "
        "`ValueError` for parameters that do not fit.",
    ),
    "unknown-operation": Text(
        "This server has no operation with that name.",
        "`GET /v1/operations` lists those that it has.",
    ),
    "invalid-parameters": Text(
        "The parameters do not fit the operation's schema, so no job was made.",
        "Each entry of `errors` has a JSON Pointer to what is wrong. "
        "`GET /v1/operations/{name}` shows the schema.",
    ),
    "duplicate-job": Text(
        "An active job of the same operation has the same parameters, and the operation allows "
        "one at a time.",
        "Use that job: `existing_job` and `Location` say where it is. Or try again after "
        "`Retry-After` seconds, or cancel it first.",
    ),
    "idempotency-mismatch": Text(
        "The `Idempotency-Key` was used within 24 hours for a submission with other content.",
        "Use a new key for each new submission, and the same key and content for a repeat.",
    ),
    "job-not-found": Text(
        "There is no job with this id, or it belongs to another tenant.",
        "Check the id, and whose key was sent.",
    ),
    "job-gone": Text(
        "The job was removed, or it was kept as long as jobs are kept and then removed.",
        "Submit it again if its result is still needed. Ask for a longer `result_ttl_seconds`.",
    ),
    "job-not-finished": Text(
        "The job has no result yet.",
        "Ask again after `Retry-After` seconds, or wait for it with `Prefer: wait=N` on the job.",
    ),
    "job-active": Text(
        "The job is not final, and what was asked for is done with final jobs alone.",
        "Wait until it is final, or cancel it first.",
    ),
    "job-final": Text(
        "The job had ended before, so there is nothing to cancel.",
        "Read the job to see how it ended.",
    ),
    "confirmation-stale": Text(
        "The token that should confirm a cancel is unknown, older than five minutes, or belongs "
        "to another job or another caller. Nothing was cancelled.",
        "Ask for a new token by the first step, and confirm with it.",
    ),
    "schedule-not-found": Text(
        "There is no schedule with this name.",
        "`GET /v1/schedules` lists those that there are.",
    ),
    "schedule-from-file": Text(
        "The schedule stands in the file that the server was started with, and would be put back "
        "by the next start.",
        "Change the file. Here the schedule can be paused and resumed.",
    ),
    "too-many-schedules": Text(
        "There are as many schedules as this server takes.",
        "Remove one that is not needed, or let one schedule do the work of several.",
    ),
    "delivery-not-found": Text(
        "The job or batch is there, and has no callback with this id. What is known of a callback "
        "is kept for seven days after its last attempt.",
        "Take the id from the list of its callbacks.",
    ),
    "delivery-pending": Text(
        "An attempt to deliver this callback is under way, so it cannot begin again now.",
        "Look at the list of callbacks to see how it ended, and send it again then. An attempt "
        "takes at most as long as `Retry-After` says.",
    ),
    "quota-exceeded": Text(
        "The tenant has sent more requests than its quota allows. This request had no effect.",
        "Try again after `Retry-After` seconds. The headers `RateLimit-Policy` and `RateLimit` "
        "say what the quota is and what is left of it.",
    ),
    "CAPACITY_EXCEEDED": Text(
        "The server or the operation has as many active jobs as it takes. No job was made.",
        "Try again after `Retry-After` seconds, at growing intervals. Operators add workers, or "
        "raise `max_active` of the operation or `CALLBOARD_MAX_ACTIVE`.",
    ),
    "STORE_UNAVAILABLE": Text(
        "The server cannot reach the place where jobs are kept. Accepted jobs are safe, and "
        "running ones run on.",
        "Try again after `Retry-After` seconds; send an `Idempotency-Key` with submissions, so "
        "that a repeat makes no second job.",
    ),
    "STORAGE_UNAVAILABLE": Text(
        "The server cannot reach the place where the bytes of files are kept, or that is full.",
        "Try again after `Retry-After` seconds. Nothing of an upload that failed is kept.",
    ),
    "STREAMS_FULL": Text(
        "The server keeps as many event streams open as it takes. The job is not affected.",
        "Try again after `Retry-After` seconds, or wait for the job with `Prefer: wait=N`.",
    ),
    "BODIES_FULL": Text(
        "So many bodies are being sent to this process that there is no room for one more, or "
        "for one more of the same tenant or address. Nothing of the request was done.",
        "Try again after `Retry-After` seconds, and send fewer large bodies at a time.",
    ),
    "DOWNLOADS_FULL": Text(
        "So many files and large results are being read from this process that there is no room "
        "for one more, or for one more of the same tenant or address. What was asked for is kept.",
        "Try again after `Retry-After` seconds, and read fewer of them at a time.",
    ),
    "NOT_READY": Text(
        "`/readyz` says that this server cannot take jobs at the moment.",
        "Send requests to another server, or wait. The member `checks` names what is missing.",
    ),
    "NEWER_FORMAT": Text(
        "A newer version of Callboard made the job, and this process cannot read what it was "
        "made from. That happens while an installation is upgraded.",
        "Try again after `Retry-After` seconds: by then another process may answer.",
    ),
    "DRAINING": Text(
        "`/readyz` says that this web process was told to stop. It finishes what was asked of it.",
        "Send requests to another process: its successor has the same address as a rule.",
    ),
}
"""By the end of the type's address, or by its code where several reasons share a type."""

RUN_ENDED: Final[Mapping[str, str]] = {
    "failure": "The operation says that it failed.",
    "exception": "The operation raised an exception.",
    "timeout": "The operation ran longer than its time limit.",
    "cancelled": "The job was cancelled.",
    "superseded": "Another job took this one's place.",
    "worker-lost": "The workers that ran this job were lost.",
    "unknown-operation": "No worker knows this operation.",
    "invalid-parameters": "The parameters do not fit the operation as it is now.",
    "result-not-serialisable": "The operation returned something that cannot be sent.",
    "result-too-large": "The operation returned more than a result may take.",
    "file-gone": "A file of this job is not there any more.",
    "out-of-memory": "The operation needed more memory than it may have.",
    "crashed": "The operation's process ended before the operation did.",
    "storage-unavailable": "The job's files could be neither read nor written.",
    "storage-full": "There was no room for the files of the result.",
}
"""What the `type` of a job's error means; these addresses under `/problems/` have no status."""

RUNS: Final[Mapping[str, Text]] = {
    "failure": Text(
        "The operation's function ended the job with a reason meant for whoever submitted it.",
        "Read `detail`. `retryable` says whether another try can do better.",
    ),
    "exception": Text(
        "The operation's function raised an exception that it did not expect.",
        "It is most likely a fault of the operation. Operators see the traceback in the job.",
    ),
    "timeout": Text(
        "The function ran longer than the operation's time limit and was interrupted.",
        "Ask for less at a time, or have the operation's `time_limit` raised.",
    ),
    "cancelled": Text("Somebody cancelled the job.", "Submit it again if it is still needed."),
    "superseded": Text(
        "A newer submission with the same parameters replaced this job before it ran, or the job "
        "came back after a loss of data and another one had its place.",
        "Follow the newer job.",
    ),
    "worker-lost": Text(
        "The workers that ran this job disappeared, several times: killed, out of memory, or cut "
        "off. The job is not tried again, since it may be what ends them.",
        "Look at the workers' logs and memory before the job is submitted again.",
    ),
    "unknown-operation": Text(
        "For ten minutes no live worker knew the operation of this job.",
        "Operators check that workers run the same version as web processes, with the same "
        "`CALLBOARD_OPERATIONS`.",
    ),
    "invalid-parameters": Text(
        "The job was accepted by an older version of the operation, and its parameters do not fit "
        "the one that the worker has.",
        "Submit it again with parameters that fit the schema as it is now.",
    ),
    "result-not-serialisable": Text(
        "The function returned something that does not fit its return annotation, or that cannot "
        "be written as JSON.",
        "It is a fault of the operation: its author makes the function return what it declares.",
    ),
    "result-too-large": Text(
        "The function returned more than a result may take, in data or in files.",
        "Ask for less. Operators set the bounds with `CALLBOARD_MAX_RESULT_BYTES` and "
        "`CALLBOARD_MAX_FILE_BYTES`, and those who write the operation with `max_result`.",
    ),
    "file-gone": Text(
        "A file that the job takes was lost or removed before it ran, or one that it made before "
        "it had ended.",
        "Upload the file again, and submit a new job.",
    ),
    "out-of-memory": Text(
        "The function needed more memory than its operation's `memory_limit`, or the machine had "
        "no more for it.",
        "Ask for less at a time, or have the operation's `memory_limit` raised.",
    ),
    "crashed": Text(
        "The function runs in a process of its own, and that ended by itself: `detail` names the "
        "signal, as of a fault in compiled code or of a machine without memory, or the exit code.",
        "It is most likely a fault of the operation, or of a library that it uses. Operators find "
        "where it was in the worker's log.",
    ),
    "storage-unavailable": Text(
        "The worker could not fetch the job's files from the storage, or not keep what the job "
        "made there.",
        "Submit the job again. Operators find the reason in the worker's log.",
    ),
    "storage-full": Text(
        "The files of the result do not fit into the room that the tenant's files may take.",
        "Remove files and jobs that are not needed any more, and submit the job again.",
    ),
}
"""By the word that a job's error has as the end of its type."""
