"""Why TLS to RabbitMQ or Redis failed, in a sentence for the log."""

import re
import ssl
from collections.abc import Iterator

_REASON = re.compile(r"\[SSL: (?P<reason>[A-Z0-9_]+)\]")
_HUNG_UP = "EOF occurred in violation of protocol"
_PLAIN = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})


def tls_fault(error: BaseException) -> str | None:
    """Return in a sentence, for the log, why TLS failed; None for other errors.

    Args:
        error: of a client library, which wraps the fault as cause, context or argument.

    """
    wrapped = list(_wrapped(error))
    for fault in wrapped:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return (
                f"its certificate was rejected: {fault.verify_message.rstrip('.')}; "
                "CALLBOARD_TLS_CA_FILE adds trusted authorities"
            )
    for fault in wrapped:
        # After the handshake, clients pass on only the text of the fault.
        if (found := _REASON.search(str(fault))) is not None:
            return _other_fault(found["reason"])
    return None


def ended_within_tls(error: BaseException) -> bool:
    """Return whether the other side disconnected without ending TLS.

    A killed server does so, and one that requires a certificate and cannot send its alert.
    """
    return any(_HUNG_UP in str(each) for each in _wrapped(error))


def _other_fault(reason: str) -> str:
    if reason in _PLAIN:
        return "it does not speak TLS at this address"
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return (
            f"it rejected our certificate ({reason.lower().replace('_', ' ')}); "
            "CALLBOARD_TLS_CERT_FILE must name one that it accepts"
        )
    return f"TLS failed: {reason.lower().replace('_', ' ')}"


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all errors that it wraps, each once."""
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        each = left.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [each.__context__, each.__cause__, getattr(each, "exception", None)]
        left += [*getattr(each, "exceptions", ()), *each.args]
