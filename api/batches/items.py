"""The items of a batch: their submissions, and the response about each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NotRequired, cast

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from callboard.api.answer_types import Address, TypedDict, Whole
from callboard.api.batches.render import BatchObject
from callboard.api.bodies import parse_body
from callboard.api.callback_policy import BatchCallback, CallbackPolicy
from callboard.api.jobs.acceptance import Acceptance
from callboard.api.jobs.render import JobReferenceObject, job_reference
from callboard.api.jobs.submission import BatchItem, SubmissionBody, parse_submission
from callboard.api.problems.problem import (
    InputErrorObject,
    Problem,
    dependency_missing,
    invalid_request,
    problem_of,
)
from callboard.api.problems.table import BODY_TOO_LARGE
from callboard.api.request import SMALL_BYTES, Request
from callboard.api.services import Services
from callboard.jobs.batches.item_outcome import ItemOutcome, Word
from callboard.jobs.batches.submission_service import Item
from callboard.jobs.batches.submit import MAX_ITEMS, MAX_NAMED
from callboard.jobs.errors import (
    CapacityExceeded,
    DependencyMissing,
    DuplicateJob,
    InvalidParameters,
)
from callboard.jobs.fields import MAX_LABELS, Label, LabelValue
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.registry import Registry

ITEM_DEPTH: Final = 2
"""The nesting depth of an item in the body."""

ItemStatus = Literal["accepted", "duplicate", "invalid", "limited", "refused"]
STATUSES: Final[dict[Word, ItemStatus]] = {
    "accepted": "accepted",
    "duplicate": "duplicate",
    "unknown": "invalid",
    "misfit": "invalid",
    "malformed": "invalid",
    "file_missing": "invalid",
    "dependency_missing": "invalid",
    "limited": "limited",
    "full": "limited",
    "closed": "refused",
    "fault": "refused",
}


class BatchSubmission(BaseModel):
    """The body of `POST /v1/batches`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    items: list[Any] = Field(
        min_length=1,
        max_length=MAX_ITEMS,
        description="Submissions, each like the body of `POST /v1/jobs` and with the same "
        "size limit. In `after`, `#3` names the job of item 3 of the same batch, counted from 0.",
    )
    labels: dict[Label, LabelValue] = Field(
        default_factory=dict,
        max_length=MAX_LABELS,
        description="Labels of every job. A job's own label overrides one with the same name.",
        json_schema_extra={"additionalProperties": False},
    )
    callback: BatchCallback | None = Field(
        default=None, description="Where to deliver the event that the batch has completed."
    )


def parse_batch(body: Any) -> BatchSubmission:
    """Validate the body except its items.

    Raises:
        Problem: 413 for too many items or dependencies; else 422, each error with a JSON Pointer.
    """
    items = body.get("items") if isinstance(body, dict) else None
    if isinstance(items, list):
        if len(items) > MAX_ITEMS:
            raise Problem(BODY_TOO_LARGE, f"A batch has at most {MAX_ITEMS} items.")
        lists = [each.get("after") for each in items if isinstance(each, dict)]
        # Each pair takes memory in Redis until the job has started.
        if sum(len(each) for each in lists if isinstance(each, list)) > MAX_NAMED:
            raise Problem(BODY_TOO_LARGE, f"The items name at most {MAX_NAMED} jobs in `after`.")
    return parse_body(BatchSubmission, body)


_ViolatedPolicies = TypedDict("_ViolatedPolicies", {"violated-policies": NotRequired[list[str]]})


class BatchItemProblemObject(_ViolatedPolicies):
    """Why an item created no job, as a single submission would have been answered."""

    type: Annotated[Address, Field(description="The type of problem; the URL explains it.")]
    title: str
    status: Whole
    detail: str
    request_id: str
    code: NotRequired[str]
    errors: NotRequired[list[InputErrorObject]]
    existing_job: NotRequired[JobReferenceObject]
    retry_after: NotRequired[
        Annotated[Whole, Field(description="After how many seconds to submit it again.")]
    ]


class BatchItemObject(TypedDict):
    """The outcome of an item."""

    index: Annotated[Whole, Field(description="The item's index in the request, from 0.")]
    status: ItemStatus
    job: Annotated[
        JobReferenceObject | None,
        Field(description="The job created, or the active job that it duplicates, as it was then."),
    ]
    problem: BatchItemProblemObject | None


class SubmittedBatchObject(BatchObject):
    """A batch, with the outcome of each item."""

    items: list[BatchItemObject]


class BatchItems:
    """Parses items into submissions, and renders their outcomes."""

    def __init__(self, services: Services, acceptance: Acceptance) -> None:
        self._store = services.store
        self._registry = services.registry
        self._acceptance = acceptance
        self._most_bytes = services.settings.max_body_bytes
        self._policy = CallbackPolicy(services.settings)

    def read(self, req: Request, batch: BatchSubmission) -> Iterator[Item]:
        """Parse the items; an invalid one becomes an outcome without a job.

        Raises:
            Problem: 403, the operation of an item needs a higher role than the caller has.
            StoreUnavailable: an item has a delay, and Redis does not return the time.
        """
        # All items share one time, so that equal delays stay equal.
        now_ms = lru_cache(maxsize=1)(self._store.now_ms)
        for index, body in enumerate(batch.items):
            try:
                large = self._size_of(body) > SMALL_BYTES
                asked = parse_submission(body, model=BatchItem)
                _check_after(asked, index)
                item = replace(self._item(req, asked, batch, now_ms), large=large)
            except Problem as problem:
                errors = problem.members["errors"]
                item = Item(malformed=[(each["pointer"], each["detail"]) for each in errors])
            else:
                self._acceptance.check_role(req, item.operation)
            yield item

    def _size_of(self, body: Any) -> int:
        size = len(to_json(body))
        if size > self._most_bytes:
            raise invalid_request([("", f"is larger than {self._most_bytes} bytes")])
        return size

    def _item(
        self, req: Request, asked: SubmissionBody, batch: BatchSubmission, now_ms: Callable[[], int]
    ) -> Item:
        labels = {**batch.labels, **asked.labels}
        if len(labels) > MAX_LABELS:
            said = f"with those of the batch there are more than {MAX_LABELS}"
            raise invalid_request([("/labels", said)])
        chosen = {**self._acceptance.chosen(req, asked, now_ms), "labels": labels}
        if asked.callback is not None:
            base = req.context.urls.base
            chosen["callback"] = self._policy.accept(asked.callback, base, place=pointer_of)
        return Item(asked.operation, asked.params, chosen)

    def shown(
        self, req: Request, outcomes: Sequence[ItemOutcome], items: Sequence[Item]
    ) -> Iterator[BatchItemObject]:
        """Render the outcome of each item."""
        for index, (outcome, item) in enumerate(zip(outcomes, items, strict=True)):
            problem = self._problem(index, outcome, item)
            reference = outcome.job and job_reference(*outcome.job, req.context.urls)
            yield {
                "index": index,
                "status": STATUSES[outcome.word],
                "job": reference,
                "problem": None
                if problem is None
                else _problem_object(req, problem, existing=reference),
            }

    def _problem(self, index: int, outcome: ItemOutcome, item: Item) -> Problem | None:
        """Return why an item created no job, with pointers into the whole body."""
        at = f"/items/{index}"
        error = outcome.refused
        if outcome.malformed:
            return invalid_request([(at + where, detail) for where, detail in outcome.malformed])
        if isinstance(error, InvalidParameters):
            wrong = [(f"{at}/params{where}", detail) for where, detail in error.errors]
            return problem_of(InvalidParameters(wrong))
        if isinstance(error, DependencyMissing):
            return dependency_missing(error, f"{at}/after/{error.index}")
        if isinstance(error, CapacityExceeded):
            return self._acceptance.full(item.operation, error)
        returns = isinstance(error, DuplicateJob) and _returns(self._registry, item.operation)
        return None if error is None or returns else problem_of(error)


def _check_after(asked: SubmissionBody, index: int) -> None:
    """Refuse an item that names itself or a later one.

    Raises:
        Problem: 422, with pointers into the item.
    """
    wrong = [
        (f"/after/{place}", "must name an earlier item")
        for place, each in enumerate(asked.after)
        if each.startswith("#") and int(each[1:]) >= index
    ]
    if wrong:
        raise invalid_request(wrong)


def _problem_object(
    req: Request, problem: Problem, *, existing: JobReferenceObject | None
) -> BatchItemProblemObject:
    """Render a problem, with the information of its headers."""
    told = problem.body(req.context.urls, req.context.request_id)
    if existing is not None:
        told["existing_job"] = existing
    if "Retry-After" in problem.headers:
        told["retry_after"] = int(problem.headers["Retry-After"])
    return cast("BatchItemProblemObject", told)


def _returns(registry: Registry, name: str) -> bool:
    """Return whether a duplicate of this operation gets the existing job."""
    return name in registry and registry.get(name).rules.on_conflict == "return"
