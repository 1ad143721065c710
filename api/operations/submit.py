"""Submits a job at an operation's own URL: the body is its parameters, the query the rest."""

import re
from collections.abc import Callable
from typing import Any, Final

import falcon

from callboard.api.files.form_jobs import FormReader
from callboard.api.files.multipart import is_form
from callboard.api.jobs.acceptance import Acceptance
from callboard.api.jobs.submission import parse_submission
from callboard.api.media import Media
from callboard.api.query import LABEL, read_query
from callboard.api.request import Request
from callboard.jobs.json_numbers import parse_fraction
from callboard.jobs.operation import Operation

_NUMBERS: Final = ("priority", "delay_seconds", "result_ttl_seconds")
_NUMBER: Final = re.compile(
    r"-?(?:0|[1-9][0-9]{0,17})(?P<fraction>(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?)"
)


class OperationJobs:
    """Accepts submissions of `POST /v1/operations/{name}`, equivalent to `POST /v1/jobs`."""

    def __init__(self, media: Media, acceptance: Acceptance, forms: FormReader) -> None:
        self._media = media
        self._acceptance = acceptance
        self._forms = forms

    def submit(self, req: Request, resp: falcon.Response, operation: Operation) -> None:
        """Submit a job and respond with it.

        The same submission at `/v1/jobs` is a repeat of this one: with the same
        Idempotency-Key both make one job.

        Raises:
            Problem, CallboardError: it was not accepted; errors point into the body, which is
                the parameters, or name the query parameter.
        """
        if is_form(req):
            self._submit_form(req, resp, operation)
            return
        params = self._media.read(req)
        body = {"operation": operation.name, "params": params, **_options(req)}
        self._answer(req, resp, body, told=body)

    def _submit_form(self, req: Request, resp: falcon.Response, operation: Operation) -> None:
        """Submit a job with its uploaded files; files that no job uses are removed."""
        body = {"operation": operation.name, "params": {}, **_options(req)}
        parse_submission(body, place=_place)  # before any file is uploaded in vain
        form = self._forms.read(req, operation)
        try:
            told = {**body, "params": form.told}
            self._answer(req, resp, {**body, "params": form.params}, told=told)
        finally:
            form.reception.drop()

    def _answer(
        self, req: Request, resp: falcon.Response, body: dict[str, Any], told: dict[str, Any]
    ) -> None:
        asked = parse_submission(body, place=_place)
        repeat = self._acceptance.repeat_fields(req, told)
        self._acceptance.answer(req, resp, asked, repeat, pointer="", place=_place)


def _options(req: Request) -> dict[str, Any]:
    """Read the query as the members that a body at `/v1/jobs` would have."""
    with read_query(req) as query:
        options: dict[str, Any] = {name: query.parsed(name, _number) for name in _NUMBERS}
        options["run_at"] = query.text("run_at")
        options["after"] = query.parsed("after", _listed)
        options["after_policy"] = query.text("after_policy")
        options["labels"] = query.labels() or None
        callback = {name: query.parsed(key, read) for name, (key, read) in _CALLBACK.items()}
        given = {name: value for name, value in callback.items() if value is not None}
        options["callback"] = given or None
    return {name: value for name, value in options.items() if value is not None}


def _number(text: str) -> int | float:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError("must be a number")
    return parse_fraction(text) if match["fraction"] else int(text)


def _listed(text: str) -> list[str]:
    return text.split(",")


_CALLBACK: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "url": ("callback_url", str),
    "events": ("callback_events", _listed),
}
"""Members of a callback: their query parameters, and how these are read."""


def _place(location: tuple[int | str, ...]) -> str:
    """Return where in the request a member of the submission was."""
    first, *rest = location or ("run_at",)  # the last check
    if first == "params":
        return ""
    if first == "callback":
        return _CALLBACK[str(rest[0]) if rest else "url"][0]
    return f"{LABEL}{rest[0]}" if first == "labels" and rest else str(first)
