"""The client: all calls to a server."""

from callboard.client.batch_calls import BatchCalls
from callboard.client.file_calls import FileCalls


class Client(FileCalls, BatchCalls):
    """A connection to one server; use it as a context manager, from one thread.

    Requests that the server cannot accept now, and broken connections, are retried until
    `patience` is over. Every request is safe to repeat: submissions carry an Idempotency-Key, so
    that a lost response never creates two jobs.

    Every method raises `Problem` if the server rejects a request, `ServerAway` if it does not
    answer, and `CannotAsk` if a request cannot be sent, as to an invalid URL.

    Args:
        url: the server's URL, such as `http://127.0.0.1:8000`.
        api_key: the API key, if the server requires one.
        patience: how long to retry, in seconds.
        on_away: called with a line for people when the server does not answer and is retried.
        transport: replaces connections to a server, for tests.
    """
