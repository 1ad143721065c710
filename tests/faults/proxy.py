"""A TCP proxy that breaks connections like a network: cut, refused, deaf, slow, halved."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any, Literal

from tests.servers import free_port

Direction = Literal["to-server", "to-client"]

_CHUNK_BYTES = 65_536
_SECONDS_FOR_A_COMMAND = 10.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: a close sends RST and drops what waits
_GONE = (OSError, asyncio.IncompleteReadError)


class Proxy:
    """A port on the loopback address in front of another one, which keeps its number.

    Every command has taken effect when it returns, may be called at any time from any thread,
    and may be repeated. Faults accumulate until `restore`, which ends all of them.
    """

    def __init__(self, target_port: int) -> None:
        """Choose a port, without listening yet."""
        self.port = free_port()
        self._target_port = target_port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._listener: asyncio.Server | None = None
        self._writers: dict[asyncio.Task[None], set[asyncio.StreamWriter]] = {}
        self._hears = asyncio.Event()
        self._hears.set()
        self._delay_s = 0.0
        self._halving: Direction | None = None

    @property
    def connections(self) -> int:
        """The number of connected clients."""
        return len(self._writers)

    @property
    def halving(self) -> bool:
        """Whether a chunk is still to be halved."""
        return self._halving is not None

    def start(self) -> None:
        """Accept connections from now on."""
        assert self._thread is None, "the proxy runs already"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"proxy-{self.port}", daemon=True
        )
        self._thread.start()
        self._order(self._listen())

    def close(self) -> None:
        """Reset all connections and end; repeated: nothing."""
        if self._loop is None or self._thread is None:
            return
        self._order(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def cut(self) -> None:
        """Reset all connections now; new ones are accepted."""
        self._order(self._cut())

    def refuse(self) -> None:
        """Reset all connections now, and refuse new ones until `restore`."""
        self._order(self._refuse())

    def deaf(self) -> None:
        """Accept connections and bytes, but forward and send nothing until `restore`.

        `restore` forwards what arrived in between, as TCP retransmits after a partition.
        """
        self._order(self._set_deaf())

    def delay(self, seconds: float) -> None:
        """Delay each chunk, in both directions; 0 forwards at once.

        Args:
            seconds: under load a chunk may wait twice as long; a waiting one keeps its delay.

        """
        self._order(self._set_delay(seconds))

    def halve(self, direction: Direction = "to-client") -> None:
        """Forward half of the next chunk in this direction, then reset its connection.

        Only that connection is affected; a chunk is what arrives at once, up to 64 KiB.
        """
        self._order(self._set_halving(direction))

    def restore(self) -> None:
        """End every fault and forward held bytes."""
        self._order(self._restore())

    def _order(self, command: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None, "the proxy has not been started"
        asyncio.run_coroutine_threadsafe(command, self._loop).result(_SECONDS_FOR_A_COMMAND)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port, backlog=1024
            )

    async def _cut(self) -> None:
        served = list(self._writers.items())
        for task, writers in served:
            task.cancel()
            for writer in writers:
                _reset(writer)
        await asyncio.gather(*(task for task, _ in served), return_exceptions=True)

    async def _refuse(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._cut()

    async def _set_deaf(self) -> None:
        self._hears.clear()

    async def _set_delay(self, seconds: float) -> None:
        self._delay_s = seconds

    async def _set_halving(self, direction: Direction) -> None:
        self._halving = direction

    async def _restore(self) -> None:
        self._delay_s = 0.0
        self._halving = None
        self._hears.set()
        await self._listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listener is None:  # it arrived at the moment of closing
            _reset(writer)
            return
        task = asyncio.current_task()
        assert task is not None
        writers = self._writers[task] = {writer}
        try:
            await self._hears.wait()  # otherwise a server that sends first would get through
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            writers.add(far_writer)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, far_writer, "to-server"))
                pumps.create_task(self._pump(far_reader, writer, "to-client"))
        except* _GONE:
            pass
        except* asyncio.CancelledError:
            pass  # cut: the calling task waits for this one and expects no error
        finally:
            for each in writers:
                _reset(each)
            del self._writers[task]

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, direction: Direction
    ) -> None:
        while chunk := await source.read(_CHUNK_BYTES):
            await self._hold()
            if self._halving == direction:
                self._halving = None
                sink.write(chunk[: len(chunk) // 2])
                await sink.drain()
                raise ConnectionResetError("halved")
            sink.write(chunk)
            await sink.drain()
        await self._hold()
        with contextlib.suppress(OSError):
            sink.write_eof()

    async def _hold(self) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        await self._hears.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):  # its file is closed already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
