"""How the console tells what went wrong: as a page; and who is not signed in is asked to."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tallystick.core.errors import NotFound, TallystickError, Unauthenticated
from tallystick.core.receipt import Receipt
from tallystick.http.errors import hints
from tallystick.http.routes import nowhere
from tallystick.web import session
from tallystick.web.pages import HEADERS, Onward, filled, see
from tallystick.web.wrong import Words, status_of, words_of


class InPages:
    """For `routes.router`."""

    def failed(self, error: TallystickError, request: Request) -> Response:
        """A page that says it; without a session, the way to sign in."""
        if isinstance(error, Unauthenticated):
            return _sign_in(request)
        known = session.secret_of(request) is not None
        return _page(request, status_of(error), words_of(error, known=known), **hints(error))

    def accident(self, request: Request) -> Response:
        """A page without detail."""
        return _page(request, 500, Words("Something went wrong here", "It is our fault, and it has been logged"))

    def heard(self, answer: Response, receipt: Receipt) -> None:
        """The page that the browser goes on to shows the receipt."""
        if isinstance(answer, Onward) and answer.receipt:
            location = answer.headers["location"]
            answer.headers["location"] = f"{location}{'&' if '?' in location else '?'}receipt={receipt.seq}"


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    """What is at no path: within the console a page says so, and the API's answer else."""
    if scope["type"] == "http" and scope["path"].startswith("/console"):
        error = NotFound("There is no such page")
        await InPages().failed(error, Request(scope))(scope, receive, send)
        return
    await nowhere(scope, receive, send)


def _sign_in(request: Request) -> Response:
    came = session.secret_of(request) is not None
    if not came and session.is_from_elsewhere(request):
        return Response(filled("again.html", me=None, asker=None, path=""), 200, HEADERS, "text/html")
    query = {"ended": "1"} if came or request.method == "POST" else {}
    if request.headers.get("hx-request") == "true":
        # A part of a page was asked for; the whole of it has to go.
        where = f"/console/sign-in?{urlencode(query)}"
        # The cookie stays: this may be the late answer to one that has been replaced.
        return Response(status_code=204, headers={**HEADERS, "hx-redirect": where})
    # A form is not sent again by itself: they come back to the page on which it stands.
    asked = request.url.path + (f"?{request.url.query}" if request.method == "GET" and request.url.query else "")
    answer = see("/console/sign-in", **query, next=asked)
    # What did not come may be there all the same: no browser sends it with a link of another site.
    return session.end(answer) if came else answer


def _page(request: Request, status: int, words: Words, **headers: str) -> Response:
    # A form is on the page of its own address: see `signin.up`.
    back = request.url.path if request.method == "POST" else None
    text = filled("failed.html", me=None, asker=None, path="", status=status, words=words, back=back)
    return Response(text, status, {**HEADERS, **headers}, "text/html")
