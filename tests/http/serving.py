"""Granian in this process, and a client that sends bytes as they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from tallystick.cli.listen import Address, reserved

# As it is: Granian would set up the logging of the whole process.
_LOGGING = {"incremental": True, "formatters": {}, "handlers": {}, "loggers": {}}


@asynccontextmanager
async def serving(app: Any, interface: Interfaces = Interfaces.RSGI) -> AsyncIterator[Address]:
    """An application on a free port."""
    with reserved("127.0.0.1", 0) as address:
        server = Server(
            app,
            address.host,
            address.port,
            interface=interface,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
            log_dictconfig=_LOGGING,
        )
        task = asyncio.create_task(server.serve())
        try:
            await _until_it_listens(address)
            yield address
        finally:
            server.signal_handler_interrupt()  # type: ignore[no-untyped-call]  # Granian's
            await task


async def talk(address: Address, *parts: bytes, ends: bool = False) -> bytes:
    """Send these, each when the one before has been sent, and read to the end.  `ends`: no more will come from here."""
    reader, writer = await asyncio.open_connection(address.host, address.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    if ends:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return answer


def split(answer: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status line, headers without the date, and the body, out of its chunks."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    headers = sorted((name.lower(), value) for name, value in pairs if name.lower() != "date")
    return status, headers, _out_of_chunks(body) if ("transfer-encoding", "chunked") in headers else body


def _out_of_chunks(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return whole


async def _until_it_listens(address: Address) -> None:
    while True:
        with suppress(ConnectionRefusedError):
            _, writer = await asyncio.open_connection(address.host, address.port)
            writer.close()
            await writer.wait_closed()
            return
