"""Operations as an earlier version declares them."""

from callboard.jobs import Job, operation
from tests.system.operations.trials import Seconds, rest


@operation(max_active=5000)
def mover(seconds: Seconds = 0, *, job: Job) -> int:
    """Wait."""
    rest(seconds, job)
    return job.attempt
