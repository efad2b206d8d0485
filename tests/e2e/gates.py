"""A network between a verifier and its server, of which a test closes and opens each way."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum


class Way(Enum):
    """What goes through: questions about tokens, what a verifier says to hear of changes, and the answers to each."""

    QUESTION = "question"
    ANSWER = "answer"
    SYNC = "sync"
    NEWS = "news"


class Gates:
    """All open at first.  What comes to a gate that is closed waits there, and goes on when it is opened."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._open = {way: asyncio.Event() for way in Way}
        self._waits = {way: threading.Event() for way in Way}
        for gate in self._open.values():
            gate.set()

    def close(self, *ways: Way) -> None:
        """From now on."""
        for way in ways:
            self._do(self._open[way].clear)

    def open(self, *ways: Way) -> None:
        """For what waits there, and what comes."""
        for way in ways:
            self._do(self._waits[way].clear)
            self._do(self._open[way].set)

    def until_something_waits(self, way: Way) -> None:
        """Come back when it does."""
        self._waits[way].wait()

    def is_held(self, way: Way) -> bool:
        """Whether something waits there."""
        return self._waits[way].is_set()

    def _do(self, what: Callable[[], None]) -> None:
        done = threading.Event()

        def do() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(do)
        done.wait()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Yields the URL to come in by."""
        server = self._loop.run_until_complete(asyncio.start_server(self._meet, "127.0.0.1", 0))
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            server.close()
            self._loop.run_until_complete(self._end())
            self._loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        follows = False

        async def upwards() -> None:
            nonlocal follows
            while some := await reader.read(65536):
                if some.startswith(b"POST "):
                    follows = some.startswith(b"POST /verifiers/")
                await self._pass(some, Way.SYNC if follows else Way.QUESTION, to_server)
            to_server.write_eof()

        async def downwards() -> None:
            while some := await from_server.read(65536):
                await self._pass(some, Way.NEWS if follows else Way.ANSWER, writer)
            writer.close()

        try:
            await asyncio.gather(upwards(), downwards(), return_exceptions=True)
        finally:
            for each in (to_server, writer):
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _pass(self, some: bytes, way: Way, to: asyncio.StreamWriter) -> None:
        if not self._open[way].is_set():
            self._waits[way].set()
            await self._open[way].wait()
        to.write(some)
        await to.drain()
