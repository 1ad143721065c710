"""Reads a job of a job system as its tenant."""

from callboard.jobs.read import read
from callboard.jobs.record import Record
from tests.job_system import JobSystem


def read_record(job_system: JobSystem, job_id: str) -> Record:
    """Return its record."""
    return read(job_system.store, job_id, tenant="default")
