"""The operations of `tests.deploys_before` one version later: one has another queue, one is new."""

from callboard.jobs import Job, operation
from tests.system.operations.trials import Seconds, rest


@operation(max_active=5000, queue="moved")
def mover(seconds: Seconds = 0, *, job: Job) -> int:
    """Wait, in another queue."""
    rest(seconds, job)
    return job.attempt


@operation
def newcomer(text: str = "") -> str:
    """Return the input."""
    return text
