"""Schedules over HTTP: recurring jobs, for operators."""

from typing import Any, Final

import falcon
from pydantic import Field, ValidationError

from callboard.api.bodies import Nothing, parse_body
from callboard.api.description import BODY_PROBLEMS, BodyDescription, ResponseDescription, describe
from callboard.api.media import Media
from callboard.api.problems import table
from callboard.api.problems.problem import invalid_request
from callboard.api.request import Request, is_large
from callboard.api.schedules.render import ScheduleObject, SchedulePageObject
from callboard.api.schedules.responder import ScheduleResponder
from callboard.jobs.errors import ScheduleNotFound
from callboard.jobs.operation import Check, Operation
from callboard.jobs.registry import Registry
from callboard.jobs.schedules.records import (
    pause_schedule,
    put_schedule,
    remove_schedule,
)
from callboard.jobs.schedules.schedule import Schedule, Tenant, is_name, sentences
from callboard.jobs.store import Store

_AS_IT_IS: Final = ResponseDescription(
    description="The schedule's current state.", schema=ScheduleObject, headers=("Vary",)
)


class ScheduleRequest(Schedule):
    """The body of `PUT /v1/schedules/{schedule}`."""

    params: dict[str, Any] = Field(description="The operation's parameters, the same for each job.")
    tenant: Tenant | None = Field(  # type: ignore[assignment]  # every caller has one
        default=None, description="The owner of the jobs; by default the caller's tenant."
    )
    paused: bool | None = Field(
        default=None, description="Whether the schedule is paused; unchanged if omitted."
    )

    def of(self, tenant: str) -> Schedule:
        """Return what a caller of this tenant declares."""
        said = {name: getattr(self, name) for name in Schedule.model_fields}
        return Schedule.model_construct(**{**said, "tenant": self.tenant or tenant})


class SchedulesResource:
    """All schedules: `/v1/schedules`."""

    def __init__(self, answers: ScheduleResponder) -> None:
        self._answers = answers

    @describe(
        id="listSchedules",
        tag="Schedules",
        summary="List schedules",
        description="Lists the schedules by name. For operators.",
        responses={
            200: ResponseDescription(
                description="All schedules.", schema=SchedulePageObject, headers=("Vary",)
            )
        },
    )
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
        check: Check = Operation.validated,
    ) -> None:
        self._store = store
        self._registry = registry
        self._check = check
        self._media = media
        self._answers = answers

    @describe(
        id="getSchedule",
        tag="Schedules",
        summary="Get a schedule",
        description="Returns a schedule with its next tick and the outcome of its latest. For "
        "operators.",
        responses={200: _AS_IT_IS},
        problems=(table.SCHEDULE_NOT_FOUND,),
    )
    def on_get(self, req: Request, resp: falcon.Response, schedule: str) -> None:
        """Return it."""
        self._answers.send(req, resp, checked(schedule))

    on_head = on_get

    @describe(
        id="putSchedule",
        tag="Schedules",
        summary="Create or replace a schedule",
        description="Creates or replaces a schedule, which creates a job at each tick. The "
        "next tick stays the same unless `cron` or `timezone` changes. Safe to "
        "repeat. For operators.",
        body=BodyDescription(schema="ScheduleRequest"),
        responses={
            200: _AS_IT_IS,
            201: ResponseDescription(
                description="The new schedule.",
                schema=ScheduleObject,
                headers=("Vary", "Location"),
            ),
        },
        problems=(
            *BODY_PROBLEMS,
            table.INVALID_REQUEST,
            table.SCHEDULE_FROM_FILE,
            table.TOO_MANY_SCHEDULES,
        ),
    )
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
        check = self._check if is_large(req) else Operation.validated
        wrong = declared.complaints(self._registry, check)
        if wrong:
            raise invalid_request(wrong)
        created = put_schedule(self._store, schedule, declared, source="api", paused=asked.paused)
        if created:
            resp.status = 201
            resp.location = req.context.urls.schedule(schedule)
        self._answers.send(req, resp, schedule)

    @describe(
        id="deleteSchedule",
        tag="Schedules",
        summary="Remove a schedule",
        description="Removes a schedule; its existing jobs stay. For operators.",
        responses={204: ResponseDescription(description="The schedule is removed.")},
        problems=(table.SCHEDULE_NOT_FOUND, table.SCHEDULE_FROM_FILE),
    )
    def on_delete(self, req: Request, resp: falcon.Response, schedule: str) -> None:  # noqa: ARG002 — as Falcon calls it
        """Remove the schedule; its jobs stay."""
        remove_schedule(self._store, checked(schedule), source="api")
        resp.status = 204


class _SetPaused:
    """Stops or starts a schedule."""

    _paused: bool

    def __init__(self, store: Store, media: Media, answers: ScheduleResponder) -> None:
        self._store = store
        self._media = media
        self._answers = answers

    def _set(self, req: Request, resp: falcon.Response, schedule: str) -> None:
        parse_body(Nothing, self._media.read_optional(req))
        pause_schedule(self._store, checked(schedule), paused=self._paused)
        self._answers.send(req, resp, schedule)


class SchedulePauseResource(_SetPaused):
    """Where a schedule is paused: `/v1/schedules/{schedule}/pause`."""

    _paused = True

    @describe(
        id="pauseSchedule",
        tag="Schedules",
        summary="Pause a schedule",
        description="Pauses the schedule: no tick creates a job. For operators.",
        responses={200: _AS_IT_IS},
        problems=(table.SCHEDULE_NOT_FOUND,),
    )
    def on_post(self, req: Request, resp: falcon.Response, schedule: str) -> None:
        """Stop it, and return it; a repeat is safe."""
        self._set(req, resp, schedule)


class ScheduleResumeResource(_SetPaused):
    """Where a schedule is resumed: `/v1/schedules/{schedule}/resume`."""

    _paused = False

    @describe(
        id="resumeSchedule",
        tag="Schedules",
        summary="Resume a schedule",
        description="Resumes the schedule with its next tick; ticks missed during the pause "
        "are dropped. For operators.",
        responses={200: _AS_IT_IS},
        problems=(table.SCHEDULE_NOT_FOUND,),
    )
    def on_post(self, req: Request, resp: falcon.Response, schedule: str) -> None:
        """Start it, and return it; a repeat is safe."""
        self._set(req, resp, schedule)


def checked(name: str) -> str:
    """Return the name if a schedule can have it.

    Raises:
        ScheduleNotFound: no schedule can have it.
    """
    if not is_name(name):
        raise ScheduleNotFound("A schedule's name is 1 to 64 lowercase letters, digits, - and _.")
    return name
