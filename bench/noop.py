"""A no-op ASGI application on the same server: the ceiling that the others are compared with.

With `batch` as a second argument its threads are scheduled as those of a worker are.
"""

import os
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


def batch() -> None:
    """Schedule this thread, and those that it starts, as a worker does."""
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def loader() -> Callable[..., Any]:
    """What Granian loads in the worker."""
    if "batch" in sys.argv:
        batch()
    return noop


if __name__ == "__main__":
    server = Server("noop", port=int(sys.argv[1]), interface=Interfaces.ASGINL, workers=1, log_level=LogLevels.critical)
    server.serve(target_loader=loader, wrap_loader=False)
