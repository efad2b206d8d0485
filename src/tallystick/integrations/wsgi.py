"""WSGI: a middleware in front of any program, under threads and forks.

    app = TallystickMiddleware(app, open=["/healthz"], needs={"POST /purge/**": "purge_all"})

The program finds the verdict in `environ["tallystick.token"]`; None where it is open.
"""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Unpack

from tallystick.client._verify import Verdict
from tallystick.integrations._gate import Came, Need, Refusal
from tallystick.integrations._guard import Guard, Settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class TallystickMiddleware:
    """Lets through what has a good token, and what is open.  Bodies are passed on as they come.  `settings`: see `Settings`."""

    def __init__(self, app: "WSGIApplication", **settings: Unpack[Settings]) -> None:
        self._app = app
        self._guard = Guard(**settings)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """As WSGI calls it (PEP 3333)."""
        mount, path = (_text(environ.get(name, "")) for name in ("SCRIPT_NAME", "PATH_INFO"))
        found: Need | Verdict | Refusal | None = self._guard.rules.need(environ["REQUEST_METHOD"], path)
        if isinstance(found, Need):
            came = Came(environ["REQUEST_METHOD"], mount + path, list(_headers(environ)), environ.get("REMOTE_ADDR"))
            found = self._guard.judge(found, came)
        if isinstance(found, Refusal):
            return _refuse(found, start_response)
        environ["tallystick.token"] = found
        return self._app(environ, start_response)


def _text(handed: str) -> str:
    # WSGI hands bytes over as latin-1; programs read them as UTF-8, and so do we.
    return handed.encode("latin-1").decode("utf-8", "replace")


def _headers(environ: "WSGIEnvironment") -> Iterator[tuple[str, str]]:
    for name in ("Authorization", "Fastly-Key", "Host", "X-Forwarded-For"):
        value = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
        if value is not None:
            yield name, value


def _refuse(refusal: Refusal, start_response: "StartResponse") -> list[bytes]:
    body = refusal.body
    status = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
    start_response(status, [*refusal.headers, ("Content-Length", str(len(body)))])
    return [body]
