"""Bodies that come bit by bit, a WebSocket and a lifespan: behind the ASGI middleware."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from tallystick.integrations.asgi import TallystickMiddleware


@asynccontextmanager
async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, str]]:
    yield {"kept": "from the lifespan"}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Each bit of the body goes back before the next is read."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        await send({"type": "http.response.body", "body": message["body"], "more_body": more})


async def state(request: Request) -> Response:
    return Response(f"{request.state.kept}; {request.state.token and request.state.token.user_id}")


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{text} {socket.state.token.user_id}")


shop = Starlette(
    lifespan=lifespan,
    routes=[
        Mount("/echo", app=echo),
        Route("/open/state", state),
        Route("/state", state),
        WebSocketRoute("/talk", talk),
        WebSocketRoute("/purge", talk),
    ],
)
app = TallystickMiddleware(shop, open=["/open/*"], needs={"/purge": "purge_all"})

below = Starlette(routes=[Mount("/shop", app=TallystickMiddleware(shop, open=["/open/*"])), Mount("/", app=app)])
