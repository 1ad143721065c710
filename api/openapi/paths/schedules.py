"""The routes of schedules."""

from typing import Final

from callboard.api.openapi.description import Answer, Body, Description, Descriptions
from callboard.api.openapi.paths.jobs import READ
from callboard.api.problems import table

_TAG: Final = "Schedules"
_UNKNOWN: Final = table.SCHEDULE_NOT_FOUND
_OWNED: Final = table.SCHEDULE_FROM_FILE
_AS_IT_IS: Final = Answer(says="The schedule as it is.", schema="Schedule", headers=("Vary",))
ONE: Final = "/v1/schedules/{schedule}"

DESCRIPTIONS: Final[Descriptions] = {
    ("/v1/schedules", "GET"): Description(
        id="listSchedules",
        tag=_TAG,
        summary="List schedules",
        says="Lists the jobs that are made again and again, by name. For operators.",
        answers={200: Answer(says="All schedules.", schema="SchedulePage", headers=("Vary",))},
    ),
    (ONE, "GET"): Description(
        id="getSchedule",
        tag=_TAG,
        summary="Look at a schedule",
        says="Tells when it comes next, and what became of its latest tick. For operators.",
        answers={200: _AS_IT_IS},
        problems=(_UNKNOWN,),
    ),
    (ONE, "PUT"): Description(
        id="putSchedule",
        tag=_TAG,
        summary="Create or replace a schedule",
        says="Has a job made at each tick. The next tick stays as it is unless `cron` or "
        "`timezone` change. Repeating it changes nothing. For operators.",
        body=Body(schema="ScheduleRequest"),
        answers={
            200: _AS_IT_IS,
            201: Answer(
                says="The schedule, which is new.",
                schema="Schedule",
                headers=("Vary", "Location"),
            ),
        },
        problems=(
            *READ,
            table.INVALID_REQUEST,
            _OWNED,
            table.TOO_MANY_SCHEDULES,
        ),
    ),
    (ONE, "DELETE"): Description(
        id="deleteSchedule",
        tag=_TAG,
        summary="Remove a schedule",
        says="Makes no more jobs of it; those that there are stay. For operators.",
        answers={204: Answer(says="It is removed.")},
        problems=(_UNKNOWN, _OWNED),
    ),
    (f"{ONE}/pause", "POST"): Description(
        id="pauseSchedule",
        tag=_TAG,
        summary="Pause a schedule",
        says="Lets no more of its ticks come. For operators.",
        answers={200: _AS_IT_IS},
        problems=(_UNKNOWN,),
    ),
    (f"{ONE}/resume", "POST"): Description(
        id="resumeSchedule",
        tag=_TAG,
        summary="Resume a schedule",
        says="Lets its ticks come again; those that the pause left out do not come later. "
        "For operators.",
        answers={200: _AS_IT_IS},
        problems=(_UNKNOWN,),
    ),
}
