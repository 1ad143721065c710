"""Updates the ontology: reports the differences, and applies a release once it is confirmed."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from callboard import File, Job, operation
from examples.curation.ontology.current import CurrentRelease
from examples.curation.ontology.difference import OntologyReport, compare
from examples.curation.ontology.release import read_release


class Confirmation(BaseModel):
    """The confirmation that makes the uploaded release current."""

    token: Annotated[str, Field(description="for `ontology_apply`")]
    expires_at: datetime


class OntologyUpdate(BaseModel):
    """The report on an uploaded release; the first release ever is current at once."""

    report: OntologyReport
    confirm: Confirmation | None


class AppliedRelease(BaseModel):
    """The release that is current now."""

    release: str
    terms: int


@operation(
    time_limit="30m",
    max_running=1,
    capacity_groups={"curation": 8},
    role="operator",
    max_retries=1,
    isolation="process",
    memory_limit="2GiB",
    result_ttl="24h",
)
def ontology_update(file: File, *, job: Job) -> OntologyUpdate:
    """Compare an uploaded OBO release with the current one; nothing changes until it is applied."""
    current = CurrentRelease()

    job.step("Reading the uploaded release")
    with file.open() as uploaded:
        new = read_release(uploaded, file.name)
    job.log(f"{new.name}: {len(new.terms)} terms")

    job.step("Reading the current release")
    old = current.read()

    job.step("Comparing the releases")
    report = compare(old, new)
    job.checkpoint()
    with file.open() as uploaded:
        if old is None:
            current.take_first(uploaded)
            return OntologyUpdate(report=report, confirm=None)
        token, expires_at = current.offer(uploaded)
    return OntologyUpdate(report=report, confirm=Confirmation(token=token, expires_at=expires_at))


@operation(time_limit="5m", max_running=1, role="operator", wait="10s", result_ttl="24h")
def ontology_apply(token: str) -> AppliedRelease:
    """Make the release that a report described the current one."""
    current = CurrentRelease()
    found = current.apply(token)
    return AppliedRelease(release=found.name, terms=len(found.terms))
