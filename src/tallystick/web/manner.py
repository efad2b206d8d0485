"""How the console tells what went wrong: as a page; and who is not signed in is asked to."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tallystick.core.errors import NotFound, TallystickError, Unauthenticated
from tallystick.core.receipt import Receipt
from tallystick.http.routes import nowhere
from tallystick.web import session
from tallystick.web.pages import HEADERS, Onward, filled, see, status_of


class InPages:
    """For `routes.router`."""

    def failed(self, error: TallystickError, request: Request) -> Response:
        """A page that says it; without a session, the way to sign in."""
        if isinstance(error, Unauthenticated):
            return _sign_in(request)
        return _page(status_of(error), error.msg, error.detail)

    def accident(self, request: Request) -> Response:  # noqa: ARG002 - of what was asked for, nothing is said
        """A page without detail."""
        return _page(500, "Something went wrong here", "It is our fault, and it has been logged")

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
    ended = session.secret_of(request) is not None or request.method == "POST"
    query = {"ended": "1"} if ended else {}
    if request.headers.get("hx-request") == "true":
        # A part of a page was asked for; the whole of it has to go.
        where = f"/console/sign-in?{urlencode(query)}"
        return session.end(Response(status_code=204, headers={**HEADERS, "hx-redirect": where}))
    if request.method == "GET":
        query["next"] = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return session.end(see("/console/sign-in", **query))


def _page(status: int, title: str, detail: str | None) -> Response:
    text = filled("failed.html", me=None, title=title, detail=detail, status=status, path="", asker=None)
    return Response(text, status, HEADERS, "text/html")
