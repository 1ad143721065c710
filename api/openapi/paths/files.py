"""The routes of files: upload, list, look and remove."""

from typing import Final

from callboard.api.files.multipart import FORM
from callboard.api.openapi.description import Answer, Body, Description, Descriptions
from callboard.api.openapi.downloads import ANY, AS_FILE, PARAMETERS, REFUSALS, downloads
from callboard.api.openapi.paths.jobs import READ
from callboard.api.problems import table

_TAG: Final = "Files"
_LINKS: Final = ("lookAtFile", "downloadFile", "removeFile")
_NOT_FOUND: Final = table.FILE_NOT_FOUND
OCTETS: Final = "application/octet-stream"

TAKEN: Final = (
    table.FILE_TOO_LARGE,
    table.STORAGE_FULL,
    table.STORAGE_UNAVAILABLE,
    table.FILE_TYPE_NOT_ACCEPTED,
    table.FILE_AMBIGUOUS,
    table.INVALID_FILE,
    table.BODIES_FULL,
)
"""Why a file may be refused."""

DESCRIPTIONS: Final[Descriptions] = {
    ("/v1/files", "POST"): Description(
        id="uploadFile",
        tag=_TAG,
        summary="Upload a file",
        says="Keeps the body as a file, of the type that `Content-Type` says and its bytes show; "
        "or the one file of a form. Its name is in the query, in `Content-Disposition`, or in "
        "the form. `Content-Digest: sha-256=:…:` is checked. A job takes the file by its id.",
        parameters=("file_name",),
        body=Body(schema="FileForm", media=(FORM,), also={OCTETS: "FileBytes"}),
        answers={
            201: Answer(
                says="The file is kept.",
                schema="File",
                headers=("Location", "Vary"),
                links=_LINKS,
            ),
        },
        problems=(*READ, *TAKEN, table.INVALID_HEADER, table.INVALID_REQUEST),
    ),
    ("/v1/files", "GET"): Description(
        id="listFiles",
        tag=_TAG,
        summary="List files",
        says="Lists what was uploaded, the newest first.",
        parameters=("limit", "cursor"),
        answers={
            200: Answer(
                says="A page of files.", schema="FilePage", headers=("Vary",), perhaps=("Link",)
            )
        },
        problems=(table.INVALID_REQUEST,),
    ),
    ("/v1/files/{file_id}", "GET"): Description(
        id="getFile",
        tag=_TAG,
        summary="Look at a file",
        says="Says what is known of a file.",
        answers={
            200: Answer(says="The file.", schema="File", headers=("Vary",), links=_LINKS),
        },
        problems=(_NOT_FOUND,),
    ),
    ("/v1/files/{file_id}/content", "GET"): Description(
        id="getFileContent",
        tag=_TAG,
        summary="Download a file",
        says="Sends the bytes of a file, in its own type.",
        parameters=PARAMETERS,
        answers=downloads(
            Answer(
                says="The file.",
                schema="Bytes",
                media=(ANY,),
                headers=AS_FILE,
            )
        ),
        problems=(_NOT_FOUND, *REFUSALS),
    ),
    ("/v1/files/{file_id}", "DELETE"): Description(
        id="deleteFile",
        tag=_TAG,
        summary="Remove a file",
        says="Removes a file that no job takes or made.",
        answers={204: Answer(says="The file is removed.")},
        problems=(_NOT_FOUND, table.FILE_IN_USE),
    ),
}
