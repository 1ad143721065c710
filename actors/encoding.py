"""The encoding of messages: the fields of a Dramatiq message as msgpack."""

from typing import Any, Final

import dramatiq
import msgpack
from dramatiq import Encoder
from dramatiq.encoder import MessageData
from dramatiq.errors import DecodeError

CONTENT_TYPE: Final = "application/msgpack"

_SHAPE: Final[dict[str, type]] = {
    "queue_name": str,
    "actor_name": str,
    "args": list,
    "kwargs": dict,
    "options": dict,
    "message_id": str,
    "message_timestamp": int,
}


class MsgpackEncoder(Encoder):
    """Encodes messages as msgpack maps with text keys.

    Values are those of JSON, and bytes; a tuple comes back as a list.
    """

    def encode(self, data: MessageData) -> bytes:
        """Pack the fields of a message.

        Raises:
            TypeError: a value is of a type that msgpack does not have, such as a datetime.
            ValueError: a value is out of range or too deeply nested.
        """
        packed: bytes = msgpack.packb({**data, "args": list(data["args"])}, use_bin_type=True)
        return packed

    def decode(self, data: bytes) -> MessageData:
        """Unpack the fields of a message.

        A decoded message has all fields, each of its type.

        Raises:
            DecodeError: the bytes are not msgpack, or not a message.
        """
        try:
            fields = msgpack.unpackb(data, raw=False, strict_map_key=True)
        except (ValueError, msgpack.UnpackException) as error:
            raise DecodeError("The message is not valid msgpack.", data, error) from error
        flaw = _flaw(fields)
        if flaw:
            raise DecodeError(flaw, data, None)
        message: MessageData = fields
        return message


def install_encoding() -> None:
    """Make msgpack the encoding of every Dramatiq message of this process."""
    dramatiq.set_encoder(MsgpackEncoder())


def _flaw(fields: Any) -> str | None:
    """Return why decoded fields are not a message; None if they are."""
    if not isinstance(fields, dict) or fields.keys() != _SHAPE.keys():
        return "The message does not have the fields of a message."
    for name, kind in _SHAPE.items():
        if not isinstance(fields[name], kind):
            return f"The message's {name} is not a {kind.__name__}."
    if not all(isinstance(key, str) for name in ("kwargs", "options") for key in fields[name]):
        return "The message has a parameter or an option whose name is not text."
    return None
