"""Who may pass: `visitor`, anybody with a browser of our own pages, or `session`, who has signed in, and `leaving`, out again.

What changes anything must come from one of our own pages: the browser says so (`Sec-Fetch-Site`, `Origin`), and the form carries
a mark (`forms.read`).  The cookie is not sent from elsewhere at all (`SameSite=Strict`); each of the three is enough.
"""

from typing import Final

from starlette.requests import Request

from tallystick.core.caller import Caller
from tallystick.core.errors import Forbidden, Unauthenticated
from tallystick.core.issue import NO_CREDENTIALS, is_session
from tallystick.http.guards import any_live, ending
from tallystick.http.routes import Wiring
from tallystick.web.session import secret_of

_READS: Final = ("GET", "HEAD")


async def anyone(_wiring: Wiring, _request: Request) -> Caller | None:
    """Open: what everybody may have, such as the style sheet.  The list of such routes is written out in a test."""
    return None


async def visitor(_wiring: Wiring, request: Request) -> Caller | None:
    """Nobody is known yet.  Raises `Forbidden` for a form that comes from elsewhere."""
    _require_our_page(request)
    return None


async def session(wiring: Wiring, request: Request) -> Caller:
    """Raises `Unauthenticated` unless the session of a person came with the request, `Forbidden` as above.

    A token that was made for a program is none: whoever finds one has the API, and no pages on which to try passwords.
    """
    _require_our_page(request)
    return _of_session(await any_live(wiring, request, secret_of(request)))


async def leaving(wiring: Wiring, request: Request) -> Caller:
    """As `session`, wherever it comes from and however it is limited: to sign out must always be possible."""
    _require_our_page(request)
    return _of_session(await ending(wiring, request, secret_of(request)))


def _of_session(caller: Caller) -> Caller:
    if not is_session(caller.token):
        raise Unauthenticated(NO_CREDENTIALS)
    return caller


def _require_our_page(request: Request) -> None:
    if request.method in _READS:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    # Our pages send no referrer, and so no origin either (`null`); what is absent is no proof, and the mark remains.
    elsewhere = origin not in (None, "null") and origin.partition("://")[2] != request.headers.get("host")
    if site not in (None, "same-origin", "none") or elsewhere:
        raise Forbidden("This form was sent from another site", detail="Nothing was done")
