"""A page: a template filled in, and the headers that keep it safe."""

import gzip
import re
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response

from tallystick.core.errors import TallystickError
from tallystick.http.routes import Ask
from tallystick.web import session, static
from tallystick.web.words import FILTERS
from tallystick.web.wrong import status_of, words_of

_HERE: Final = Path(__file__).parent / "templates"
_OURS: Final = re.compile(r"/console(?:/[A-Za-z0-9/_-]*)?(?:\?[A-Za-z0-9_.~%&=+-]*)?")
# Not packed: from how well it packs, who can put text beside a secret guesses it.  (No other site can: no cookie comes.)
_SECRETS: Final = ("secret.html", "codes.html", "two_factor.html")
_PACKED: Final = {"content-encoding": "gzip", "vary": "accept-encoding"}
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


# Any: whatever a template shows.
def page(
    ask: Ask,
    template: str,
    *,
    error: TallystickError | None = None,
    visiting: str | None = None,
    **shown: Any,
) -> Response:
    """The page of a template.  `error`: what became of what was sent, which the page says.  `visiting`: as in `session.mark`."""
    status, wrong = (
        (200, None) if error is None else (status_of(error), str(words_of(error, known=ask.who is not None)))
    )
    mark = session.mark(ask.request, ask.wiring.digest, visiting=visiting)
    me = None if ask.who is None else ask.who.person()
    text = filled(
        template, me=me, asker=ask.who, wrong=wrong, mark=mark, now=ask.now, path=ask.request.url.path, **shown
    )
    packed = template not in _SECRETS and "gzip" in ask.request.headers.get("accept-encoding", "")
    if packed:
        return Response(gzip.compress(text.encode(), 4), status, {**HEADERS, **_PACKED}, "text/html")
    return Response(text, status, HEADERS, "text/html")


def filled(template: str, **shown: Any) -> str:
    """The text of a template."""
    return _templates().get_template(template).render(**shown)


class Onward(RedirectResponse):
    """To another page of ours, which may be loaded again.  `receipt`: whether it shows the receipt of what was done."""

    def __init__(self, path: str, *, receipt: bool) -> None:
        super().__init__(path, 303, HEADERS)
        self.receipt = receipt


def see(path: str, **query: str) -> Response:
    """Another page is the answer."""
    return Onward(f"{path}?{urlencode(query)}" if query else path, receipt=False)


def done(path: str) -> Response:
    """What was asked for is done: the page that follows shows the receipt."""
    return Onward(path, receipt=True)


def next_of(path: str) -> str:
    """Where to go on after signing in: a page of ours, whatever was asked for."""
    return path if _OURS.fullmatch(path) else "/console/tokens"


@cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.globals.update(static=static.address, version=version("tallystick"))
    return made
