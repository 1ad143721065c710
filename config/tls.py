"""TLS towards RabbitMQ and Redis: whom to trust, what to show, and why it failed."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_REASON = re.compile(r"\[SSL: (?P<reason>[A-Z0-9_]+)\]")
_HUNG_UP = "EOF occurred in violation of protocol"
_PLAIN = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"})


@dataclass(frozen=True, slots=True)
class TLS:
    """Files of certificates; a server's certificate and name are verified in any case.

    Args:
        ca_file: PEM of authorities to trust besides those of the system.
        cert_file: PEM of the certificate that we show, which may hold its key as well.
        key_file: PEM of its key.

    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Read the files as they are now, for one connection, so that they can be renewed.

        Raises:
            OSError: a file cannot be read, or holds no certificate or no fitting key; the latter as
                `ssl.SSLError`.

        """
        context = ssl.create_default_context()
        if self.ca_file is not None:
            context.load_verify_locations(self.ca_file)
        if self.cert_file is not None:
            # A password could only be asked for at a terminal, which would hold everything up.
            context.load_cert_chain(self.cert_file, self.key_file, password="")
        return context

    def unfit(self) -> str | None:
        """Say which setting's file holds nothing that can be used; None if all is well."""
        try:
            TLS(self.ca_file).context()
        except OSError as error:
            return f"CALLBOARD_TLS_CA_FILE contains no certificates: {_reason(error)}"
        try:
            self.context()
        except OSError as error:
            return f"CALLBOARD_TLS_CERT_FILE cannot be used with its key: {_reason(error)}"
        return None

    def redis_options(self) -> dict[str, Any]:
        """Spell the same for the Redis client, which reads the files for each connection, too."""
        options: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        if self.ca_file is not None:
            options["ssl_ca_certs"] = str(self.ca_file)
        if self.cert_file is not None:
            options["ssl_certfile"] = str(self.cert_file)
            options["ssl_keyfile"] = None if self.key_file is None else str(self.key_file)
            options["ssl_password"] = ""
        return options


def tls_fault(error: BaseException) -> str | None:
    """Say in a sentence why TLS failed, for the log; None if something else did.

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
        # After the handshake, clients pass on but the text of the fault.
        if (found := _REASON.search(str(fault))) is not None:
            return _other_fault(found["reason"])
    return None


def ended_within_tls(error: BaseException) -> bool:
    """Say whether the other side hung up without ending TLS.

    So does a server that is killed, and one that wants a certificate and does not get to say so.
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


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return str(reason).lower().replace("_", " ")


def _wrapped(error: BaseException) -> Iterator[BaseException]:
    """Go through an error and all that it was made of, each once."""
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
