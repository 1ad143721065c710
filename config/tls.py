"""TLS to RabbitMQ and Redis: which authorities to trust and which certificate to present."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class TLS:
    """Certificate files; a server's certificate and name are always verified.

    Args:
        ca_file: PEM file of authorities to trust in addition to the system's.
        cert_file: PEM file of our certificate, which may include its key.
        key_file: PEM file of its key.

    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Read the files anew for each connection, so that they can be renewed.

        Raises:
            OSError: a file cannot be read, or has no certificate or no matching key; the latter as
                `ssl.SSLError`.

        """
        context = ssl.create_default_context()
        if self.ca_file is not None:
            context.load_verify_locations(self.ca_file)
        if self.cert_file is not None:
            # OpenSSL would ask for a password at the terminal and block the process.
            context.load_cert_chain(self.cert_file, self.key_file, password="")
        return context

    def unfit(self) -> str | None:
        """Name the setting whose file cannot be used, with the reason; None if both can."""
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
        """Return the same as options of the Redis client, which also reads the files each time."""
        options: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        if self.ca_file is not None:
            options["ssl_ca_certs"] = str(self.ca_file)
        if self.cert_file is not None:
            options["ssl_certfile"] = str(self.cert_file)
            options["ssl_keyfile"] = None if self.key_file is None else str(self.key_file)
            options["ssl_password"] = ""
        return options


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return str(reason).lower().replace("_", " ")
