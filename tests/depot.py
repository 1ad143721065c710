"""A web process with files, and what workers leave in its storage."""

from datetime import timedelta
from functools import cache
from typing import Any

from falcon import testing

from callboard.jobs.files.file import File
from callboard.jobs.files.file_store import Claimed, FileStore, keep_file
from callboard.jobs.files.folder import RunFiles
from callboard.jobs.files.outputs import OutputBounds, Outputs
from callboard.jobs.files.records import new_file_id
from callboard.jobs.finish import finish
from tests.api_app import ApiApp, hash_of
from tests.contract.documents import complaints

BYTES = bytes(range(256)) * 10
BOUNDS = OutputBounds(result_bytes=2**24, stored_bytes=1024, files_bytes=2**24, tenant_bytes=2**30)


class Depot(ApiApp):
    """A web process with files."""

    def upload(
        self, content: bytes = BYTES, name: str = "data.bin", *, tenant: str = "default"
    ) -> str:
        claimed = Claimed(new_file_id(), tenant, "upload")
        file_store, ttl = FileStore(self.store, self.storage), timedelta(hours=1)
        with self.storage.stage() as staged:
            staged.write(content)
            keep_file(file_store, claimed, staged, name=name, media_type="image/png", ttl=ttl)
        return claimed.file_id

    def content(self, file_id: str, **headers: str) -> testing.Result:
        return self.described("GET", f"/v1/files/{file_id}/content", headers)

    def job_with(self, value: Any, *files: File, key: str | None = None) -> str:
        """Run a job with this result, like a worker."""
        headers = {} if key is None else {"X-API-Key": key}
        body = {"operation": "echo", "params": {"value": 1}}
        job_id: str = self.submit(body, headers=headers).json["id"]
        outputs = Outputs(self.store, self.storage, RunFiles(), tenant="default", bounds=BOUNDS)
        if files:
            outputs.finalize(files)
        data = value() if callable(value) else value
        outcome = outputs.keep(data, proceed=lambda: None)
        assert finish(self.store, self.claim(job_id), outcome) == "finished"
        return job_id

    def result(self, job_id: str, method: str = "GET", **headers: str) -> testing.Result:
        return self.described(method, f"/v1/jobs/{job_id}/result", headers)

    def described(self, method: str, path: str, headers: dict[str, str]) -> testing.Result:
        """Send a request, and compare the answer with the document."""
        answer = self.http.simulate_request(method, path, headers=_headers(headers))
        assert not (wrong := complaints(_document(), method, path, answer)), wrong
        return answer


@cache
def _document() -> dict[str, Any]:
    api_app = ApiApp(api_keys=f"default:client:{hash_of('key')}")
    found: dict[str, Any] = api_app.http.simulate_get("/openapi.json").json
    api_app.close()
    return found


def _headers(named: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in named.items()}


def made(name: str, content: bytes) -> File:
    file = RunFiles().new(name)
    assert file.path is not None
    file.path.write_bytes(content)
    return file
