"""FastAPI: a dependency, which its OpenAPI document shows.

guard = Tallystick()
app = FastAPI(dependencies=[Depends(guard)])          # every route needs a token
guard.attach(app)

@app.post("/purge/{service_id}")
async def purge(token: Annotated[Verdict, Security(guard.service("service_id"), scopes=["purge_all"])]): ...
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, Unpack

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.openapi.models import SecurityBase as Model
from fastapi.requests import HTTPConnection
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase

from tallystick.client._verify import Verdict
from tallystick.integrations._gate import Need, Refusal
from tallystick.integrations._guard import AsyncGuard, Settings
from tallystick.integrations.asgi import came

Dependency: TypeAlias = Callable[..., Awaitable[Verdict]]


class Refused(HTTPException):
    """What the dependency raises.  `refusal` says all of it; for those who answer in a form of their own."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status, refusal.msg, dict(refusal.headers))
        self.refusal = refusal


class _Scheme(SecurityBase):
    """One way to send a token, for the document only."""

    def __init__(self, name: str, model: Model) -> None:
        self.scheme_name, self.model = name, model

    async def __call__(self) -> None:
        """The dependency reads the headers itself."""


_LET_IN: Final = "tallystick.let_in"
_BEARER: Final = _Scheme("Bearer", HTTPBearer())
_FASTLY: Final = _Scheme("Fastly-Key", APIKey.model_validate({"in": APIKeyIn.header, "name": "Fastly-Key"}))


class Tallystick:
    """Gives the verdict to the route, if the token has all scopes that `Security` names.  `settings`: see `Settings`.

    Which paths are open is said by where the dependency stands; so `open` and `needs` are not taken.
    """

    def __init__(self, **settings: Unpack[Settings]) -> None:
        if "open" in settings or "needs" in settings:
            raise TypeError("FastAPI's routes say what they need: open and needs are for the middlewares")
        self._guard = AsyncGuard(**settings)
        self._scope = settings.get("scope")

    def attach(self, app: FastAPI) -> None:
        """Refusals are answered as `{"msg"}`, and the server is told when this program ends."""
        app.add_exception_handler(Refused, _answer)
        within = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[Any]:  # Any: the state of whoever wrote it
            async with within(app) as state:
                yield state
            await self._guard.aclose()

        app.router.lifespan_context = lifespan

    async def __call__(
        self,
        connection: HTTPConnection,
        wanted: SecurityScopes,
        _bearer: None = Depends(_BEARER),
        _fastly: None = Depends(_FASTLY),
    ) -> Verdict:
        """As FastAPI calls it.  Raises `Refused`."""
        return await self._judge(connection, wanted, None)

    def service(self, parameter: str) -> Dependency:
        """The same for a route in whose path `parameter` is the id of the service that the token must reach."""

        async def dependency(
            connection: HTTPConnection,
            wanted: SecurityScopes,
            _bearer: None = Depends(_BEARER),
            _fastly: None = Depends(_FASTLY),
        ) -> Verdict:
            return await self._judge(connection, wanted, str(connection.path_params[parameter]))

        return dependency

    async def _judge(self, connection: HTTPConnection, wanted: SecurityScopes, service: str | None) -> Verdict:
        scopes = dict.fromkeys([*(self._scope or "").split(), *wanted.scopes])
        need = Need(scope=" ".join(scopes) or None, service=service)
        # Of the program, of a router, of the route: each asks, and all of them about one request.
        let_in = connection.scope.setdefault(_LET_IN, set())
        found = await self._guard.judge(need, came(connection.scope), again=self in let_in)
        if isinstance(found, Refusal):
            raise Refused(found)
        let_in.add(self)
        return found


async def _answer(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused), "it is registered for no other"
    return Response(error.refusal.body, error.refusal.status, dict(error.refusal.headers))
