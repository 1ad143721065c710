"""saved_state: keep what one attempt of a job saves for the next one."""

from typing import Any, Final, Literal, cast

from callboard.jobs.encoding import decode, encode
from callboard.jobs.fence import Fence
from callboard.jobs.json_pointer import pointer_of
from callboard.jobs.serializable import plain
from callboard.jobs.store import Store
from callboard.jobs.unserializable import Unserializable

MAX_STATE_BYTES: Final = 1024 * 1024


def encode_state(value: Any) -> bytes:
    """Encode a state that a function saves.

    Raises:
        TypeError: it contains a value that is neither JSON-like nor bytes, or a tuple as a key.
        ValueError: it is larger than `MAX_STATE_BYTES`, has a number beyond 64 bits, or contains
            itself.
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
    try:
        decode(state)
    except TypeError as error:  # a tuple as a key comes back as a list, which cannot be one
        raise TypeError(
            f"The state cannot be saved: a key cannot be read back: {error}."
        ) from error
    return state


def decode_state(state: bytes | None) -> Any:
    """Decode a state; None if nothing was saved."""
    return None if state is None else decode(state)


def save_state(store: Store, fence: Fence, state: bytes) -> Literal["saved", "stale"]:
    """Keep a state with the job, if the attempt still holds its lease.

    Args:
        store: where the job is.
        fence: the attempt's fence.
        state: the encoded state; it replaces the previous one.

    Raises:
        StoreUnavailable: Redis is unavailable or full.
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
    """Read the state that earlier attempts of a job saved last; None if there is none.

    Raises:
        StoreUnavailable: Redis does not answer.
    """
    (state,) = store.pipeline(("GET", store.keys("saved", job_id)))
    return cast("bytes | None", state)
