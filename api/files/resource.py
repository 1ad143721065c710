"""Files over HTTP: upload, list, read and remove."""

from typing import Annotated

import falcon
from pydantic import Field

from callboard.api.answer_types import Address, JobId, Next, Timestamp, TypedDict, Whole
from callboard.api.description import BODY_PROBLEMS, BodyDescription, ResponseDescription, describe
from callboard.api.files.incoming import Incoming
from callboard.api.files.multipart import FORM, is_form, read_parts
from callboard.api.files.names import disposition_name
from callboard.api.files.upload_description import OCTETS, UPLOAD_PROBLEMS
from callboard.api.files.uploads import Arrived, Reception, receiving
from callboard.api.media import Media
from callboard.api.paging import next_page, read_cursor, write_cursor
from callboard.api.problems import table
from callboard.api.problems.problem import invalid_request
from callboard.api.query import read_query
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.api.times import timestamp
from callboard.api.urls import Urls
from callboard.jobs.errors import FileNotFound
from callboard.jobs.files.records import FileRecord, list_files, read_file
from callboard.jobs.files.remove import remove_file
from callboard.jobs.ids import is_job_id

MAX_FILES = 100
USUAL_FILES = 50


class FileLinksObject(TypedDict):
    """URLs of a file."""

    self: Address
    content: Address


class FileObject(TypedDict):
    """A file that was uploaded or created by a job."""

    id: JobId
    name: Annotated[str, Field(description="The file's name, made safe to display.")]
    media_type: Annotated[str, Field(description="The media type detected from its bytes.")]
    size: Annotated[Whole, Field(description="Size in bytes.")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="The SHA-256 of its bytes.")]
    created_at: Timestamp
    expires_at: Annotated[
        Timestamp,
        Field(description="The file is kept at least until then, and longer while a job uses it."),
    ]
    in_use: Annotated[bool, Field(description="Whether a job received or created it.")]
    links: FileLinksObject


class FilePageObject(TypedDict):
    """Files, newest first."""

    items: list[FileObject]
    next: Next


class FilesResource:
    """All files: `/v1/files`."""

    def __init__(self, services: Services, media: Media) -> None:
        self._services = services
        self._media = media

    @describe(
        id="listFiles",
        tag="Files",
        summary="List files",
        description="Lists uploaded files, newest first.",
        parameters=("limit", "cursor"),
        responses={
            200: ResponseDescription(
                description="A page of files.",
                schema=FilePageObject,
                headers=("Vary",),
                optional_headers=("Link",),
            )
        },
        problems=(table.INVALID_REQUEST,),
    )
    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List the files of the caller's tenant, newest first."""
        with read_query(req) as query:
            limit = query.whole("limit", least=1, most=MAX_FILES, default=USUAL_FILES)
            behind = query.parsed("cursor", read_cursor)
        store, urls = self._services.store, req.context.urls
        page = list_files(store, tenant=req.context.caller.tenant, most=limit, behind=behind)
        cursor = None if page.next is None else write_cursor(page.next)
        following = next_page(req, resp, urls.files(), cursor=cursor)
        items = [file_object(file, urls) for file in page.files]
        shown: FilePageObject = {"items": items, "next": following}
        self._media.write(req, resp, shown)

    on_head = on_get

    @describe(
        id="uploadFile",
        tag="Files",
        summary="Upload a file",
        description="Stores the body, or the only file of a form. `Content-Type` must agree "
        "with the file's bytes. The name is taken from the query, from "
        "`Content-Disposition` or from the form. `Content-Digest: sha-256=:…:` is "
        "verified. Pass the file's id to jobs.",
        parameters=("file_name",),
        body=BodyDescription(schema="FileForm", media=(FORM,), also={OCTETS: "FileBytes"}),
        responses={
            201: ResponseDescription(
                description="The file is stored.",
                schema=FileObject,
                headers=("Location", "Vary"),
                links=("lookAtFile", "downloadFile", "removeFile"),
            ),
        },
        problems=(*BODY_PROBLEMS, *UPLOAD_PROBLEMS, table.INVALID_HEADER, table.INVALID_REQUEST),
    )
    def on_post(self, req: Request, resp: falcon.Response) -> None:
        """Upload a file: the body itself, or the one file of a form."""
        with read_query(req) as query:
            name = query.text("name")
        with receiving(self._services, req) as reception:
            incoming = Incoming(req)
            if is_form(req):
                arrived = self._of_form(req, incoming, reception, name)
            else:
                arrived = reception.take(
                    incoming.read,
                    name=name or disposition_name(req.get_header("Content-Disposition")),
                    declared=req.content_type,
                    length=incoming.length,
                )
                incoming.finish()
            file = reception.keep(arrived)
        resp.status = 201
        resp.location = req.context.urls.file(file.id)
        self._media.write(req, resp, file_object(file, req.context.urls))

    def _of_form(
        self, req: Request, incoming: Incoming, reception: Reception, name: str | None
    ) -> Arrived:
        found: Arrived | None = None
        for part in read_parts(req, incoming):
            if part.filename is None or found is not None:
                raise invalid_request([(f"/{part.name[:64]}", "is not the form's one file")])
            found = reception.take(part.read, name=name or part.filename, declared=part.declared)
        if found is None:
            raise invalid_request([("", "has no file; its part needs a filename")])
        return found


class FileResource:
    """One file: `/v1/files/{file_id}`."""

    def __init__(self, services: Services, media: Media) -> None:
        self._services = services
        self._media = media

    @describe(
        id="getFile",
        tag="Files",
        summary="Get a file",
        description="Returns a file's metadata.",
        responses={
            200: ResponseDescription(
                description="The file.",
                schema=FileObject,
                headers=("Vary",),
                links=("lookAtFile", "downloadFile", "removeFile"),
            ),
        },
        problems=(table.FILE_NOT_FOUND,),
    )
    def on_get(self, req: Request, resp: falcon.Response, file_id: str) -> None:
        """Return the metadata of a file."""
        file = find_file(self._services, req, file_id)
        self._media.write(req, resp, file_object(file, req.context.urls))

    on_head = on_get

    @describe(
        id="deleteFile",
        tag="Files",
        summary="Remove a file",
        description="Removes a file that no job received or created.",
        responses={204: ResponseDescription(description="The file is removed.")},
        problems=(table.FILE_NOT_FOUND, table.FILE_IN_USE),
    )
    def on_delete(self, req: Request, resp: falcon.Response, file_id: str) -> None:
        """Remove a file that no job uses."""
        file = find_file(self._services, req, file_id)
        services = self._services
        remove_file(services.store, services.storage, file.id, offload=services.offload)
        resp.status = 204


def find_file(services: Services, req: Request, file_id: str) -> FileRecord:
    """Read a file that the caller may see; operators see every tenant's.

    Raises:
        FileNotFound: no file that the caller may see has this id.
        StoreUnavailable: Redis does not answer.
    """
    if not is_job_id(file_id):
        raise FileNotFound("A file's id is a UUID of version 7, in lower case.")
    caller = req.context.caller
    others = caller.may("operator")
    return read_file(services.store, file_id, tenant=caller.tenant, others=others)


def file_object(file: FileRecord, urls: Urls) -> FileObject:
    """Render a file."""
    return {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
        "created_at": timestamp(file.created_at),
        "expires_at": timestamp(file.expires_at),
        "in_use": file.in_use,
        "links": {"self": urls.file(file.id), "content": urls.file_content(file.id)},
    }
