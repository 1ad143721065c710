"""Gunicorn with our application and configuration, wherever they are installed."""

import os
from pathlib import Path
from typing import Any, Final

from gunicorn import util
from gunicorn.app.base import Application as GunicornApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

CONFIGURATION: Final = Path(__file__).with_name("gunicorn_config.py")
APPLICATION: Final = "callboard.ops.servers.web:create()"


class CannotStart(Exception):
    """A process could not build the application and has printed why."""


class Application(GunicornApplication):  # type: ignore[misc]  # no types
    """Loads the configuration by its path, so that a reload loads it again."""

    def load_config(self) -> None:
        """Load the configuration, overridden by GUNICORN_CMD_ARGS."""
        self.cfg.set("default_proc_name", "callboard")
        self.load_config_from_file(str(CONFIGURATION))
        parser = self.cfg.parser()
        chosen = vars(parser.parse_args(self.cfg.get_cmd_args_from_env()))
        for name, value in chosen.items():
            if value is not None and name != "args":
                self.cfg.set(name.lower(), value)

    def run(self) -> None:
        """Serve until told to stop.

        Raises:
            CannotStart: the application cannot be built.
        """
        master = os.getpid()
        try:
            super().run()
        except (SystemExit, HaltServer) as ended:
            # With several processes, gunicorn fails on the second one that ends like this.
            code = ended.exit_status if isinstance(ended, HaltServer) else ended.code
            if os.getpid() == master and code == Arbiter.APP_LOAD_ERROR:
                raise CannotStart from ended
            raise

    def load(self) -> Any:
        """Build the application, in a process that serves."""
        return util.import_app(APPLICATION)
