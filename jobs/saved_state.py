"""saved_state: keep what one attempt of a job leaves for the next one."""

from typing import Any, Final, Literal, cast

from callboard.jobs.encoding import decode, encode
from callboard.jobs.fence import Fence
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.serializable import plain
from callboard.jobs.store import Store
from callboard.jobs.unserializable import Unserializable

MAX_STATE_BYTES: Final = 1024 * 1024


def encode_state(value: Any) -> bytes:
    """Encode what a function wants to keep.

    Raises:
        TypeError: it has something that is neither JSON-like nor bytes.
        ValueError: it has more than `MAX_STATE_BYTES`, a number beyond 64 bits, or contains itself.
    """
    try:
        state, size = encode(plain(value))
    except Unserializable as error:
        pointer = pointer_of(error.at) or "/"
        raise TypeError(f"The state cannot be saved: {pointer} {error.why}.") from error
    except TypeError as error:
        raise TypeError(f"The state cannot be saved: {error}.") from error
    except (OverflowError, ValueError) as error:
        raise ValueError(f"The state cannot be saved: {error}.") from error
    if size > MAX_STATE_BYTES:
        raise ValueError(f"The state has {size} bytes; at most {MAX_STATE_BYTES} can be saved.")
    return state


def decode_state(state: bytes | None) -> Any:
    """Undo `encode_state`; None when nothing was saved."""
    return None if state is None else decode(state)


def save_state(store: Store, fence: Fence, state: bytes) -> Literal["saved", "stale"]:
    """Keep a state with the job, if the attempt still holds its lease.

    Args:
        store: where the job is.
        fence: of the attempt.
        state: from `encode_state`; it replaces the last one.

    Raises:
        StoreUnavailable: Redis is away, or has no room for it.
    """
    answer = store.run(
        "save_state",
        store.keys("job", fence.job_id),
        job_id=fence.job_id,
        attempt=fence.attempt,
        token=fence.token,
        state=state,
    )
    return cast("Literal['saved', 'stale']", answer.word)


def read_state(store: Store, job_id: str) -> bytes | None:
    """Read what earlier attempts of a job have saved, if they did.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (state,) = store.pipeline(("GET", store.keys("saved", job_id)))
    return cast("bytes | None", state)
