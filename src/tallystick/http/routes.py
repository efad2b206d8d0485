"""A route is a method, a path, a guard and a handler: without a guard there is none.  And: how a request goes through it."""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as StarletteRoute
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from tallystick.core.admission import Admission
from tallystick.core.budget import Budget
from tallystick.core.caller import Caller
from tallystick.core.errors import Forbidden, NotFound, TallystickError, Throttled, Unauthenticated, Unavailable
from tallystick.core.events import Origin
from tallystick.core.explain import Seals, named
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.people import User
from tallystick.core.ports import Clock, Store
from tallystick.core.proxies import Proxies
from tallystick.core.receipts import Receipts
from tallystick.core.secret import Digester, new_id, redacted
from tallystick.core.use import Uses, kept_agent
from tallystick.http import bodies, errors, guards
from tallystick.http.following import Memory
from tallystick.http.guards import address_of
from tallystick.http.limits import Meter
from tallystick.http.manner import InJson, Manner
from tallystick.http.readiness import Readiness
from tallystick.http.tally import Tally
from tallystick.identity.accounts import Accounts
from tallystick.identity.proof import Prover

if TYPE_CHECKING:
    # Here, not above: it brings a library that takes a while to load, and that only a server needs.
    from tallystick.http.measuring import Measuring

_log = logging.getLogger(__name__)
_NO_STORE: Final = {"cache-control": "no-store"}
_ENCODER: Final = msgspec.json.Encoder()
REFUSAL: Final = "tallystick-refusal"
"""The header by which a refusal can be explained."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Wiring(msgspec.Struct, frozen=True):
    """What the handlers work with; made once per process by the composition root."""

    store: Store
    clock: Clock
    uses: Uses
    digest: Digester
    prover: Prover
    accounts: Accounts
    budget: Budget
    memory: Memory
    admission: Admission
    seals: Seals
    measuring: "Measuring"
    readiness: Readiness = msgspec.field(default_factory=Readiness)
    receipts: Receipts = msgspec.field(default_factory=Receipts)
    proxies: Proxies = msgspec.field(default_factory=Proxies)
    tally: Tally = msgspec.field(default_factory=Tally)
    scraping: "Guard" = guards.nobody


class Ask(msgspec.Struct, frozen=True):
    """One request on its way through: who asks, and for what.

    `table`: all routes, for the pages that describe them.  `meter`: what a write costs whom.  `request_id`: of a write.
    """

    wiring: Wiring
    request: Request
    who: Caller | None
    table: "tuple[Route, ...]"
    meter: Meter
    request_id: str | None

    @property
    def caller(self) -> Caller:
        """Who asks, on a route that does not work without."""
        if self.who is None:
            # Only a route with the wrong guard gets here.  It fails closed.
            raise Unauthenticated(NO_CREDENTIALS)
        return self.who

    @property
    def now(self) -> int:
        """Milliseconds since the epoch."""
        return self.wiring.clock.now()

    def param(self, name: str) -> str:
        """A part of the path."""
        value: str = self.request.path_params[name]
        return value

    @property
    def token_id(self) -> str:
        """The token that the path names: by its id, or `self`, the one that asks."""
        named = self.param("token_id")
        return self.caller.token.id if named == "self" else named

    def by(self, user: User | None = None) -> Origin:
        """Who is behind a change that is made now, for its event.  `user`: who proved to be them without a token."""
        if user is None and self.who is not None:
            user = self.who.user
        return Origin(
            at=self.now,
            user_id=None if user is None else user.id,
            token_id=None if self.who is None else self.who.token.id,
            ip=address_of(self.wiring, self.request),
            user_agent=kept_agent(self.user_agent) or None,
            request_id=self.request_id,
        )

    @property
    def user_agent(self) -> str:
        """What program asks, by its own account."""
        return self.request.headers.get("user-agent", "")


Guard = Callable[[Wiring, Request], Awaitable[Caller | None]]
Handler = Callable[[Ask], Awaitable[Response]]


class Route(msgspec.Struct, frozen=True):
    """One line of the table.  `takes` and `gives` are the wire's types, for the OpenAPI document; `fails`: statuses.

    `problems`: its errors are of the newer family.  `reads`: it changes nothing, although it takes a body.  `free`: it costs no
    write, although it changes something.  `challenges`: it tells a refused token what is wrong with it in the words of RFC 6750,
    which the recorded wire does not.
    """

    method: str
    path: str
    guard: Guard
    handler: Handler
    takes: Any = None
    gives: Any = None
    fails: tuple[int, ...] = ()
    media: str = "application/json"
    problems: bool = False
    reads: bool = False
    free: bool = False
    challenges: bool = False

    @property
    def family(self) -> errors.Family:
        """Of its errors."""
        if not self.problems:
            return errors.Family.LEGACY
        if self.path.startswith("/oauth/"):
            return errors.Family.OAUTH
        return errors.Family.OWN if self.challenges else errors.Family.RECORDED

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.method != "GET" and not self.reads


def json_answer(body: Any, status: int = 200, media: str = "application/json") -> Response:
    """`application/json` without a charset, as recorded: two official clients compare it exactly."""
    return Response(_ENCODER.encode(body), status, _NO_STORE, media)


def no_content() -> Response:
    """204, empty, without a Content-Type."""
    return Response(status_code=204, headers=_NO_STORE)


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """404, for every path."""
    if scope["type"] != "http":
        return
    error = NotFound("Not found", detail="There is nothing at this path: GET /openapi.json lists what there is")
    await errors.answer(error)(scope, receive, send)


def router(
    table: Sequence[Route], wiring: Wiring, *, manner: Manner | None = None, otherwise: ASGIApp = nowhere
) -> ASGIApp:
    """The ASGI application for a table of routes.  Paths match in the order of the table.

    `manner`: if not the API's.  `otherwise`: who answers for all other paths.
    """
    paths: dict[str, dict[str, Route]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method] = route
    endpoints = [StarletteRoute(path, _Path(methods, wiring, tuple(table), manner)) for path, methods in paths.items()]
    return Router(routes=endpoints, redirect_slashes=False, default=otherwise)


class _Path:
    """All methods of one path."""

    def __init__(
        self, methods: dict[str, Route], wiring: Wiring, table: tuple[Route, ...], manner: Manner | None
    ) -> None:
        self._methods = methods
        if "GET" in methods:
            self._methods = {**methods, "HEAD": methods["GET"]}
        first = next(iter(methods.values()))
        self._path = first.path
        self._manner = InJson(first.family) if manner is None else manner
        self._wiring = wiring
        self._table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        if request.method == "HEAD":
            _leave_out_body(response)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        meter = Meter(self._wiring.budget, self._wiring.clock)
        route = self._methods.get(request.method)
        request_id = _request_id(request) if route is None or route.writes else None
        response = meter.show(await self._asked(request, route, meter, request_id))
        if request_id is not None:
            response.headers["x-request-id"] = request_id
        elif (refusal := response.headers.get(REFUSAL)) is not None:
            response.headers["x-request-id"] = refusal
        return response

    async def _asked(self, request: Request, route: Route | None, meter: Meter, request_id: str | None) -> Response:
        try:
            if route is None:
                raise errors.WrongMethod(tuple(sorted(self._methods)))
            who = await route.guard(self._wiring, request)
            if who is not None and route.writes and not route.free:
                await meter.charge(who)
            if route.takes is not None:
                request = await bodies.whole(request)
                # Whoever asks decides when the last byte comes: what they may, they must be allowed now, not when they began.
                who = await route.guard(self._wiring, request)
            since = self._wiring.memory.verifier.applied
            answer = await self._handled(route, Ask(self._wiring, request, who, self._table, meter, request_id))
            if request_id is not None:
                await self._settle(request_id, since, answer)
            return answer
        except TallystickError as error:
            # What callers do wrong is not logged: a stranger would fill the disk with it.
            if isinstance(error, Unavailable):
                self._wiring.tally.unavailable += 1
                _log.warning("%s: %s", error, type(error.__cause__).__name__)
            answer = self._manner.failed(error, request)
            if isinstance(error, (Unauthenticated, Forbidden, Throttled)):
                answer.headers[REFUSAL] = named(error, at=self._wiring.clock.now(), seals=self._wiring.seals)
            if route is None or not route.challenges:
                return answer
            return errors.challenged(answer, error, came=guards.any_came(request.headers))
        except Exception:  # noqa: BLE001 - the last resort: logged, and answered without detail
            # The route's path, not the request's: people put secrets into paths.
            _log.exception("%s %s failed", request.method, self._path)
            return self._manner.accident(request)

    async def _handled(self, route: Route, ask: Ask) -> Response:
        """What the handler says.  Where a token was handed over since it was let in, it is let in as what it is now, once."""
        try:
            return await route.handler(ask)
        except Unauthenticated:
            now = None if ask.who is None else await route.guard(self._wiring, ask.request)
            if ask.who is None or now is None or now.token.user_id == ask.who.token.user_id:
                raise
            return await route.handler(msgspec.structs.replace(ask, who=now))

    async def _settle(self, request_id: str, since: int, answer: Response) -> None:
        """From here on nobody answers by what was before, in any process; and if anything changed the answer says so."""
        receipt = await self._wiring.memory.settle(request_id, since=since)
        if receipt is None:
            return
        self._wiring.receipts.note(receipt, at=self._wiring.clock.now())
        self._manner.heard(answer, receipt)


def _request_id(request: Request) -> str:
    """What whoever is in front of us, or the client, calls this request; else a name of our own."""
    given = request.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) and redacted(given) == given else new_id()


def _leave_out_body(response: Response) -> None:
    if isinstance(response, StreamingResponse):
        response.body_iterator = _nothing()
    response.body = b""


async def _nothing() -> AsyncIterator[bytes]:
    empty: tuple[bytes, ...] = ()
    for part in empty:
        yield part
