"""Forms, valid and invalid."""

from collections.abc import Mapping

BOUNDARY = "a-boundary"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, body: bytes, *, filename: str | None = None, media_type: str = "") -> bytes:
    """Encode one part of a form, with its boundary."""
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'
    typed = f"Content-Type: {media_type}\r\n" if media_type else ""
    return (head + typed + "\r\n").encode() + body + b"\r\n"


def form(*parts: bytes) -> bytes:
    """Encode a form of parts."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def upload(body: bytes, **headers: str) -> Mapping[str, object]:
    """Return the arguments of `simulate_post` for a file as a body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"body": body, "headers": named}
