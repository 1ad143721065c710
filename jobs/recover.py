"""recover: recreate a record that Redis lost, from what its message carries."""

import json
from datetime import timedelta
from typing import Final, Literal, cast

from callboard.jobs.clock import milliseconds
from callboard.jobs.encoding import encode
from callboard.jobs.store import Store
from callboard.jobs.submission import Submission

Word = Literal["recovered", "superseded", "tombstoned"]
RECOVERY_WINDOW: Final = timedelta(hours=24)


def recover(store: Store, submission: Submission, *, published_ms: int) -> Word:
    """Bring a lost job back, unless it was removed on purpose or its message is too old.

    Args:
        store: the store.
        submission: what the message carries.
        published_ms: when the message was published, by the clock of Redis.

    Returns:
        recovered, when it is queued again; superseded, when another job took its unique key
        meanwhile, and it ended cancelled; tombstoned, when it stays gone.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    if submission.created_ms is None:
        submission = submission.created(published_ms)
    fields, text = submission.to_record()
    answer = store.run(
        "recover_job",
        store.keys("job", submission.job_id),
        job_id=submission.job_id,
        fields=json.dumps(fields),
        text=json.dumps(text),
        params=encode(dict(submission.params))[0],
        published_ms=published_ms,
        recovery_window_ms=milliseconds(RECOVERY_WINDOW),
    )
    return cast("Word", answer.word)
