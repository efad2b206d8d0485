"""A body that goes out bit by bit, behind the WSGI middleware: the second bit when somebody has asked for it."""

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tallystick.integrations.wsgi import TallystickMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_asked_for = threading.Event()


def stream(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    if environ["REQUEST_METHOD"] == "POST":
        _asked_for.set()
        yield environ["wsgi.input"].read()
    else:
        yield b"first"
        _asked_for.wait()
        yield b"again"


app = TallystickMiddleware(stream)
