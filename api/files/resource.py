"""Files over HTTP: upload, list, look and remove."""

from typing import Any

import falcon

from callboard.api.files.incoming import Incoming
from callboard.api.files.multipart import is_form, read_parts
from callboard.api.files.names import disposition_name
from callboard.api.files.uploads import Arrived, Reception, receiving
from callboard.api.media import Media
from callboard.api.paging import next_page, read_cursor, write_cursor
from callboard.api.problems.problem import invalid_request
from callboard.api.query import read_query
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.api.timestamps import timestamp
from callboard.api.urls import Urls
from callboard.jobs.errors import FileNotFound
from callboard.jobs.files.records import FileRecord, list_files, read_file
from callboard.jobs.files.remove import remove_file
from callboard.jobs.ids import is_job_id

MAX_FILES = 100
USUAL_FILES = 50


class FilesResource:
    """All files: `/v1/files`."""

    def __init__(self, services: Services, media: Media) -> None:
        self._services = services
        self._media = media

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List what the caller's tenant has uploaded, newest first."""
        with read_query(req) as query:
            limit = query.whole("limit", least=1, most=MAX_FILES, default=USUAL_FILES)
            behind = query.parsed("cursor", read_cursor)
        store, urls = self._services.store, req.context.urls
        page = list_files(store, tenant=req.context.caller.tenant, most=limit, behind=behind)
        cursor = None if page.next is None else write_cursor(page.next)
        following = next_page(req, resp, urls.files(), cursor=cursor)
        items = [file_object(file, urls) for file in page.files]
        self._media.write(req, resp, {"items": items, "next": following})

    on_head = on_get

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

    def on_get(self, req: Request, resp: falcon.Response, file_id: str) -> None:
        """Say what is known of a file."""
        file = find_file(self._services, req, file_id)
        self._media.write(req, resp, file_object(file, req.context.urls))

    on_head = on_get

    def on_delete(self, req: Request, resp: falcon.Response, file_id: str) -> None:
        """Remove a file that no job uses."""
        file = find_file(self._services, req, file_id)
        services = self._services
        remove_file(services.store, services.storage, file.id, offload=services.offload)
        resp.status = 204


def find_file(services: Services, req: Request, file_id: str) -> FileRecord:
    """Read a file that the caller may see; operators see every tenant's.

    Raises:
        FileNotFound: there is none, as far as the caller may know.
        StoreUnavailable: Redis does not answer.
    """
    if not is_job_id(file_id):
        raise FileNotFound("A file's id is a UUID of version 7, in lower case.")
    caller = req.context.caller
    others = caller.may("operator")
    return read_file(services.store, file_id, tenant=caller.tenant, others=others)


def file_object(file: FileRecord, urls: Urls) -> dict[str, Any]:
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
