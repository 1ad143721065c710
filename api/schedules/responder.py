"""Responds with schedules."""

import falcon

from callboard.api.jobs.render import job_reference
from callboard.api.media import Media
from callboard.api.request import Request
from callboard.api.schedules.render import ScheduleObject, SchedulePageObject, schedule_object
from callboard.api.urls import Urls
from callboard.jobs.read import read_status_snapshots
from callboard.jobs.schedules.records import (
    list_schedules,
    read_schedule,
)
from callboard.jobs.schedules.stored import StoredSchedule
from callboard.jobs.store import Store


class ScheduleResponder:
    """Responds with schedules."""

    def __init__(self, store: Store, media: Media) -> None:
        self._store = store
        self._media = media

    def send(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Send one.

        Raises:
            ScheduleNotFound: it does not exist.
        """
        (shown,) = self._objects([read_schedule(self._store, name)], req.context.urls)
        self._media.write(req, resp, shown)

    def send_all(self, req: Request, resp: falcon.Response) -> None:
        """Send all, by name."""
        items = self._objects(list_schedules(self._store), req.context.urls)
        shown: SchedulePageObject = {"items": items, "next": None}
        self._media.write(req, resp, shown)

    def _objects(self, found: list[StoredSchedule], urls: Urls) -> list[ScheduleObject]:
        ticks = [each.last for each in found if each.last is not None]
        job_ids = [each.job_id for each in ticks if each.job_id is not None]
        snapshots = read_status_snapshots(self._store, job_ids) if job_ids else []
        jobs = {
            job_id: job_reference(job_id, snapshot.status, urls)
            for job_id, snapshot in zip(job_ids, snapshots, strict=True)
            if snapshot is not None
        }
        return [schedule_object(each, jobs, urls) for each in found]
