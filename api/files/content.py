"""The bytes of one file: `/v1/files/{file_id}/content`."""

import falcon

from callboard.api.description import ResponseDescription, describe
from callboard.api.files.download_description import ANY, AS_FILE, PARAMETERS, REFUSALS, downloads
from callboard.api.files.downloads import Downloads
from callboard.api.files.resource import find_file
from callboard.api.problems import table
from callboard.api.request import Request
from callboard.api.services import Services
from callboard.jobs.errors import FileNotFound


class FileContentResource:
    """The bytes of one file."""

    def __init__(self, services: Services, downloads: Downloads) -> None:
        self._services = services
        self._downloads = downloads

    @describe(
        id="getFileContent",
        tag="Files",
        summary="Download a file",
        description="Returns the bytes of a file, with its own media type.",
        parameters=PARAMETERS,
        responses=downloads(
            ResponseDescription(
                description="The file.",
                schema="Bytes",
                media=(ANY,),
                headers=AS_FILE,
            )
        ),
        problems=(table.FILE_NOT_FOUND, *REFUSALS),
    )
    def on_get(self, req: Request, resp: falcon.Response, file_id: str) -> None:
        """Send the bytes, whole or in part."""
        file = find_file(self._services, req, file_id)
        if file.kind == "result":
            raise FileNotFound(f"No file has the id {file_id}.")
        self._downloads.send_file(req, resp, file)

    on_head = on_get
