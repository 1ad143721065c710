"""What log events never show: passwords, keys, tokens and what callers sent."""

import re
import traceback
from collections.abc import Mapping, Sequence

_PASSWORD_IN_URL = re.compile(r"(?P<user>[A-Za-z][A-Za-z0-9+.-]*://[^\s:/?#@]*):[^\s/?#]*@")
_TOKEN = re.compile(
    r"\bcbk_[\w-]+|(?<=\bBearer )[^\s'\"]+"
    r"|(?<=[?&])(?P<name>api_?key|access_token|token|key|password|secret)=[^&\s'\"]*",
    re.IGNORECASE,
)


def without_passwords(value: object) -> object:
    """Replace passwords in URLs, keys and tokens in the text, also in mappings and sequences."""
    if isinstance(value, str):
        return _TOKEN.sub(_hidden, _PASSWORD_IN_URL.sub(r"\g<user>:***@", value))
    if isinstance(value, Mapping):
        return {key: without_passwords(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [without_passwords(item) for item in value]
    if isinstance(value, BaseException):
        return without_passwords(repr(value))
    return value


def stack_of(error: BaseException) -> str:
    """Return the frames of an error without its message, which may quote what a caller sent."""
    return "".join(traceback.format_tb(error.__traceback__))


def _hidden(found: re.Match[str]) -> str:
    return f"{found['name']}=***" if found["name"] else "***"
