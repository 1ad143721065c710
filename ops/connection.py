"""Connect a Python program to Callboard, so that it can submit jobs without HTTP."""

from callboard.actors.container import Container, build_container
from callboard.config import Settings, load_settings
from callboard.ops.submissions import serve_operations


def connect(settings: Settings | None = None) -> Container:
    """Let `Operation.submit` submit jobs from this process; close the returned object when done.

    Args:
        settings: those of the environment by default.

    Raises:
        ConfigurationError: a setting is wrong.
        OperationError: an operation is declared wrongly.
        StoreUnfit: strict durability cannot be had from this Redis, or it has no such database.
    """
    container = build_container(settings or load_settings())
    container.check_store()
    container.relay.start()
    serve_operations(container)
    return container
