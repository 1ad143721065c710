"""The client: all that can be asked of a server."""

from callboard.client.batch_calls import BatchCalls
from callboard.client.file_calls import FileCalls


class Client(FileCalls, BatchCalls):
    """A connection to one server; use it as a context manager, from one thread.

    Requests that the server cannot take now, and connections that break, are tried again until
    `patience` is over. Each of them is safe to repeat: submissions carry an Idempotency-Key, so
    that an answer that was lost never makes two jobs.

    Every method raises `Problem` when the server refuses, `ServerAway` when it does not answer,
    and `CannotAsk` when it cannot be asked, as at a wrong address.

    Args:
        url: of the server, such as `http://127.0.0.1:8000`.
        api_key: when the server asks for one.
        patience: seconds.
        on_away: called with a line for people when the server does not answer and is asked again.
        transport: in place of connections to a server, for tests.
    """
