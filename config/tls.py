"""TLS to RabbitMQ and Redis: which authorities to trust and which certificate to present."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any


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


def _reason(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
    return str(reason).lower().replace("_", " ")
