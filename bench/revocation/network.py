"""`python -m bench.revocation.network PORT WHICH`: what lies between a verifier and the server, or a server and PostgreSQL, as a
process of its own.

It prints its own port, and hands on what comes, in order.  Every second connection is a slow one, the first (0) or the other (1): so
what a verifier has asked can come after what it was told later on another.  It is slow once it is told to be (SIGUSR1).  Frozen, it is a network that is cut: what was sent arrives
when it is whole again, which is worse than being lost.
"""

import asyncio
import itertools
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Final

_SLOW_SECONDS: Final = (0.01, 0.06)


class Network:
    """The process, as its parent sees it."""

    def __init__(self, server_port: int, *, slow: int) -> None:
        command = [sys.executable, "-m", "bench.revocation.network", str(server_port), str(slow)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None, "it was asked for"
        self.port = int(self._process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"
        self.pid = self._process.pid

    def slow_down(self) -> None:
        """From now on every second connection is slow."""
        self._process.send_signal(signal.SIGUSR1)

    def end(self) -> None:
        """With all connections."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None, "it was asked for"
        self._process.stdout.close()


async def _hand_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_slow: Callable[[], bool] = lambda: False
) -> None:
    try:
        while some := await reader.read(65536):
            if is_slow():
                await asyncio.sleep(random.uniform(*_SLOW_SECONDS))
            writer.write(some)
            await writer.drain()
    except OSError:
        pass  # either side has ended
    finally:
        writer.close()


async def _serve(server_port: int, which: int) -> None:
    numbers, slowly = itertools.count(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, slowly.set)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_second = next(numbers) % 2 == which
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", server_port)
        except OSError:  # it is being started again
            writer.close()
            return
        await asyncio.gather(
            _hand_on(reader, to_server), _hand_on(from_server, writer, lambda: is_second and slowly.is_set())
        )

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:])))
