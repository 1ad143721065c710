"""Connect a Python program to Callboard, so that it can submit jobs without HTTP."""

from callboard.actors.assembly import Assembly, assemble
from callboard.config import Settings, load_settings
from callboard.ops.submissions import serve_operations


def connect(settings: Settings | None = None) -> Assembly:
    """Let `Operation.submit` in this process make jobs; close what this gives when done.

    Args:
        settings: those of the environment by default.

    Raises:
        ConfigurationError: a setting is wrong.
        OperationError: an operation is declared wrongly.
        StoreUnfit: strict durability cannot be had from this Redis, or it has no such database.
    """
    assembly = assemble(settings or load_settings())
    assembly.check_store()
    assembly.relay.start()
    serve_operations(assembly)
    return assembly
