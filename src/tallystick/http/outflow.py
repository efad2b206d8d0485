"""A long answer on its way out: no faster than the client takes it, so that what it has not read is never kept in memory.

RSGI's own stream takes everything at once.  A file it reads only as far as the client has read, and it reads a pipe as one.
"""

import asyncio
import contextlib
import fcntl
import os
from typing import Final, Protocol

PIPE_HOLDS: Final = 65_536  # bytes
_OPENED_SECONDS_MAX: Final = 10  # takes less than a millisecond
_SET_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux; elsewhere none holds more

Headers = list[tuple[str, str]]


class Files(Protocol):
    """What is needed of RSGI's protocol."""

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer at once."""

    def response_file(self, status: int, headers: Headers, file: str) -> None:
        """Answer with what is in a file."""


class Outflow:
    """One answer, of any length.  Call `close` in any case: an answer that was not finished ends where it is."""

    def __init__(self, proto: Files, status: int, headers: Headers) -> None:
        self._proto = proto
        self._status = status
        self._headers = headers
        self._first = bytearray()
        self._pipe: int | None = None

    async def write(self, piece: bytes) -> None:
        """Wait until the client has taken enough of what came before.  Raises `OSError` when it is gone."""
        if self._pipe is not None:
            await self._write(self._pipe, piece)
            return
        self._first += piece
        if len(self._first) > PIPE_HOLDS:
            await self._open()

    def finish(self) -> None:
        """That was all."""
        if self._pipe is None:
            self._proto.response_bytes(self._status, self._headers, bytes(self._first))
        self.close()

    def close(self) -> None:
        """Let go of everything."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    async def _open(self) -> None:
        """Ours is held until it has been opened a second time, and that it was: somebody took what the pipe does not hold."""
        reader, self._pipe = _pipe()
        try:
            self._proto.response_file(self._status, self._headers, f"/dev/fd/{reader}")
            async with asyncio.timeout(_OPENED_SECONDS_MAX):
                await self._write(self._pipe, bytes(self._first))
        finally:
            os.close(reader)
            self._first.clear()

    async def _write(self, pipe: int, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                await _room(pipe)


def _pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    if _SET_SIZE is not None:
        with contextlib.suppress(OSError):  # where it may not hold as much, it holds less
            fcntl.fcntl(writer, _SET_SIZE, PIPE_HOLDS)
    return reader, writer


async def _room(pipe: int) -> None:
    """Wait until something was taken out of the pipe, or nobody is there any more who could."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(pipe, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(pipe)
