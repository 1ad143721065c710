"""A client with direct access to its socket."""

import socket
from pathlib import Path

_CLOSE_WAIT = "08"


class Connection:
    """One connection to a server on this machine; what is read stays bytes."""

    def __init__(self, port: int, *, receive_bytes: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.read = b""

    def send(self, path: str, *headers: str) -> None:
        """Send a GET."""
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *headers]
        self.socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode())

    def read_until(self, what: bytes) -> bytes:
        """Read until something has arrived."""
        while what not in self.read:
            data = self.socket.recv(65536)
            assert data, f"it ended before {what!r}: {self.read!r}"
            self.read += data
        return self.read

    def read_to_the_end(self) -> bytes:
        """Read until the server closes."""
        while data := self.socket.recv(65536):
            self.read += data
        return self.read

    def close(self) -> None:
        """Close, like a client that has lost interest."""
        self.socket.close()


def left_alone(port: int) -> int:
    """Count the connections that the clients closed and the server still holds."""
    lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
    fields = [line.split() for line in lines]
    return sum(each[1].endswith(f":{port:04X}") and each[3] == _CLOSE_WAIT for each in fields)
