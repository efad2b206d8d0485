"""A no-op ASGI application on the same server: the ceiling that the others are compared with."""

import sys
from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

_BODY = b'{"msg":"nothing was done"}'
_HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


async def noop(_scope: object, _receive: object, send: object) -> None:
    """Answer, whatever was asked."""
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})  # type: ignore[operator]  # ASGI
    await send({"type": "http.response.body", "body": _BODY})  # type: ignore[operator]  # ASGI


def loader() -> Callable[..., Any]:
    """What Granian loads in the worker."""
    return noop


if __name__ == "__main__":
    server = Server("noop", port=int(sys.argv[1]), interface=Interfaces.ASGINL, workers=1, log_level=LogLevels.critical)
    server.serve(target_loader=loader, wrap_loader=False)
