"""Schedules over HTTP: jobs that are made again and again, for operators."""

from typing import Any, Final

import falcon
from pydantic import Field, ValidationError

from callboard.api.bodies import Nothing, parse_body
from callboard.api.jobs.render import job_reference
from callboard.api.media import Media
from callboard.api.problems.problem import invalid_request
from callboard.api.request import Request, is_large
from callboard.api.timestamps import timestamp
from callboard.api.urls import Urls
from callboard.jobs.checking import Check, check_here
from callboard.jobs.errors import ScheduleNotFound
from callboard.jobs.read import read_status_snapshots
from callboard.jobs.registry import Registry
from callboard.jobs.schedules.records import (
    list_schedules,
    pause_schedule,
    put_schedule,
    read_schedule,
    remove_schedule,
)
from callboard.jobs.schedules.schedule import Schedule, Tenant, is_name, sentences
from callboard.jobs.schedules.stored import StoredSchedule, Tick
from callboard.jobs.store import Store


class ScheduleRequest(Schedule):
    """The body of `PUT /v1/schedules/{schedule}`."""

    params: dict[str, Any] = Field(description="The operation's parameters, the same each time.")
    tenant: Tenant | None = Field(  # type: ignore[assignment]  # every caller has one
        default=None, description="Whose its jobs are; without it, the caller's."
    )
    paused: bool | None = Field(
        default=None, description="Whether its ticks come; without it, that stays as it is."
    )

    def of(self, tenant: str) -> Schedule:
        """Give what a caller of this tenant declares."""
        said = {name: getattr(self, name) for name in Schedule.model_fields}
        return Schedule.model_construct(**{**said, "tenant": self.tenant or tenant})


class ScheduleResponder:
    """Answers with schedules as they are now."""

    def __init__(self, store: Store, media: Media) -> None:
        self._store = store
        self._media = media

    def send(self, req: Request, resp: falcon.Response, name: str) -> None:
        """Answer with one.

        Raises:
            ScheduleNotFound: it is not there.
        """
        (shown,) = self._objects([read_schedule(self._store, name)], req.context.urls)
        self._media.write(req, resp, shown)

    def send_all(self, req: Request, resp: falcon.Response) -> None:
        """Answer with all, by name."""
        items = self._objects(list_schedules(self._store), req.context.urls)
        self._media.write(req, resp, {"items": items, "next": None})

    def _objects(self, found: list[StoredSchedule], urls: Urls) -> list[dict[str, Any]]:
        ticks = [each.last for each in found if each.last is not None]
        job_ids = [each.job_id for each in ticks if each.job_id is not None]
        snapshots = read_status_snapshots(self._store, job_ids) if job_ids else []
        jobs = {
            job_id: job_reference(job_id, snapshot.status, urls)
            for job_id, snapshot in zip(job_ids, snapshots, strict=True)
            if snapshot is not None
        }
        return [schedule_object(each, jobs, urls) for each in found]


class SchedulesResource:
    """All schedules: `/v1/schedules`."""

    def __init__(self, answers: ScheduleResponder) -> None:
        self._answers = answers

    def on_get(self, req: Request, resp: falcon.Response) -> None:
        """List them by name."""
        self._answers.send_all(req, resp)

    on_head = on_get


class ScheduleResource:
    """One schedule: `/v1/schedules/{schedule}`."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        media: Media,
        answers: ScheduleResponder,
        check: Check = check_here,
    ) -> None:
        self._store = store
        self._registry = registry
        self._check = check
        self._media = media
        self._answers = answers

    def on_get(self, req: Request, resp: falcon.Response, schedule: str) -> None:
        """Look at it."""
        self._answers.send(req, resp, checked(schedule))

    on_head = on_get

    def on_put(self, req: Request, resp: falcon.Response, schedule: str) -> None:
        """Create it or replace it; a repeat changes nothing."""
        body = self._media.read(req)
        if not is_name(schedule):
            raise invalid_request(
                [("schedule", "must be 1 to 64 lowercase letters, digits, - and _")]
            )
        try:
            asked = ScheduleRequest.model_validate(body)
        except ValidationError as error:
            raise invalid_request(sentences(error)) from error
        declared = asked.of(req.context.caller.tenant)
        check = self._check if is_large(req) else check_here
        wrong = declared.complaints(self._registry, check)
        if wrong:
            raise invalid_request(wrong)
        created = put_schedule(self._store, schedule, declared, source="api", paused=asked.paused)
        if created:
            resp.status = 201
            resp.location = req.context.urls.schedule(schedule)
        self._answers.send(req, resp, schedule)

    def on_delete(self, req: Request, resp: falcon.Response, schedule: str) -> None:  # noqa: ARG002 — as Falcon calls it
        """Make no more jobs of it; those that there are stay."""
        remove_schedule(self._store, checked(schedule), source="api")
        resp.status = 204


class SchedulePauseResource:
    """Stop or start a schedule: `/v1/schedules/{schedule}/pause` and `/resume`."""

    def __init__(
        self, store: Store, media: Media, answers: ScheduleResponder, *, paused: bool
    ) -> None:
        self._store = store
        self._media = media
        self._answers = answers
        self._paused: Final = paused

    def on_post(self, req: Request, resp: falcon.Response, schedule: str) -> None:
        """Say so, and answer with the schedule; a repeat does no harm."""
        parse_body(Nothing, self._media.read_optional(req))
        pause_schedule(self._store, checked(schedule), paused=self._paused)
        self._answers.send(req, resp, schedule)


def checked(name: str) -> str:
    """Give a name back if a schedule can have it.

    Raises:
        ScheduleNotFound: none can.
    """
    if not is_name(name):
        raise ScheduleNotFound("A schedule's name is 1 to 64 lowercase letters, digits, - and _.")
    return name


def schedule_object(stored: StoredSchedule, jobs: dict[str, Any], urls: Urls) -> dict[str, Any]:
    """Render a schedule.

    Args:
        stored: as it is.
        jobs: references to the jobs of latest ticks that are still there, by id.
        urls: absolute addresses.
    """
    return {
        "name": stored.name,
        **stored.schedule.model_dump(),
        "paused": stored.paused,
        "source": stored.source,
        "next_at": None if stored.paused else timestamp(stored.next_at),
        "last": None if stored.last is None else tick_object(stored.last, jobs),
        "links": {"self": urls.schedule(stored.name)},
    }


def tick_object(tick: Tick, jobs: dict[str, Any]) -> dict[str, Any]:
    """Render what became of a tick."""
    return {
        "at": timestamp(tick.at),
        "outcome": tick.outcome,
        "detail": tick.detail,
        "job": jobs.get(tick.job_id or ""),
    }
