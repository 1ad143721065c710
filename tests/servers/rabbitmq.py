"""A private RabbitMQ node that keeps its data across restarts."""

import shutil
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pika
from pika.exceptions import AMQPError

from tests.servers.process import Server, ServerProcess, find_program, free_port

_SECONDS_TO_START = 60.0
_SECONDS_FOR_A_COMMAND = 60.0
_FOLDERS = (
    "/usr/lib/rabbitmq/bin",  # Debian's /usr/sbin/rabbitmq-server changes user, this one does not
    "/usr/local/sbin",
    "/opt/homebrew/sbin",
    "/opt/rabbitmq/sbin",
)


class RabbitMQ(Server):
    """A RabbitMQ node on free loopback ports, with its own folder and epmd."""

    def __init__(
        self,
        folder: Path,
        *,
        options: Mapping[str, str] | None = None,
        plugins: Sequence[str] = (),
    ) -> None:
        """Prepare the node without starting it.

        Args:
            folder: an empty folder for its data.
            options: lines of rabbitmq.conf, such as `{"consumer_timeout": "10000"}`.
            plugins: names of plugins to enable; none is enabled otherwise.

        """
        self._folder = folder
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"
        self._ctl = find_program("rabbitmqctl", *_FOLDERS)
        server = find_program("rabbitmq-server", *_FOLDERS)
        conf = "".join(f"{name} = {value}\n" for name, value in (options or {}).items())
        (folder / "rabbitmq.conf").write_text(conf)
        (folder / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        self._environment = _environment(folder, self.port)
        names = folder / "epmd"
        names.mkdir()
        self._names = ServerProcess(
            [find_program("epmd", str(Path(find_program("erl")).resolve().parent))],
            environment=self._environment,
            folder=names,
        )
        # With input allowed the script becomes the node, instead of a parent that would have to
        # pass on each signal; the node itself is then told not to read any.
        process = ServerProcess(
            [server, "-noinput"],
            environment={**self._environment, "RABBITMQ_ALLOW_INPUT": "1"},
            folder=folder,
        )
        super().__init__(process, seconds_to_start=_SECONDS_TO_START)

    def connect(self) -> pika.BlockingConnection:
        """Open a new connection."""
        return pika.BlockingConnection(pika.URLParameters(self.url))

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl against this node (it takes seconds) and return what it printed."""
        done = subprocess.run(
            [self._ctl, "--quiet", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS_FOR_A_COMMAND,
            check=False,
        )
        assert done.returncode == 0, f"rabbitmqctl {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> None:
        """Start the node with its existing data; wait until a connection opens."""
        if not self._names.running:
            # Otherwise the node might check too early and start an epmd that never ends.
            self._names.start(self._names_answer, timeout=_SECONDS_TO_START)
        super().start()

    def wipe(self) -> None:
        """Crash and lose all data: queues, messages, users; the node is then down."""
        self.kill()
        shutil.rmtree(self._folder / "data")

    def close(self) -> None:
        """End the node and its epmd for good, at the end of a session."""
        super().close()
        self._names.kill()

    def _names_answer(self) -> bool:
        port = int(self._environment["ERL_EPMD_PORT"])
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except (AMQPError, OSError):
            return False
        return True


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "HOME": str(folder),  # where the cookie is
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin",
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"callboard-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PLUGINS_EXPAND_DIR": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        # Loopback only, without busy waiting, which would take time from the tested processes.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} "
        "+sbwt none +sbwtdcpu none +sbwtdio none",
    }
