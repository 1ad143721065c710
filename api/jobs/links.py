"""The URLs of a job."""

from typing import Annotated, NotRequired

from pydantic import Field

from callboard.api.answer_types import Address, TypedDict
from callboard.api.urls import Urls


class JobLinksObject(TypedDict):
    """URLs of a job."""

    self: Address
    result: Address
    events: Address
    log: Address
    cancel: Address
    retry: Address
    callbacks: Address
    archive: NotRequired[
        Annotated[
            Address,
            Field(description="All files of the result in one archive, if it has files."),
        ]
    ]


def job_links(job_id: str, urls: Urls, *, archived: bool = False) -> JobLinksObject:
    """Return the URLs of a job.

    Args:
        job_id: the job's id.
        urls: absolute addresses.
        archived: whether its result has files.
    """
    links: JobLinksObject = {
        "self": urls.job(job_id),
        "result": urls.result(job_id),
        "events": urls.events(job_id),
        "log": urls.log(job_id),
        "cancel": urls.cancel(job_id),
        "retry": urls.retry(job_id),
        "callbacks": urls.job_callbacks(job_id),
    }
    if archived:
        links["archive"] = urls.archive(job_id)
    return links
