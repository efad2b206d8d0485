"""A Starlette program behind the ASGI middleware.  Run it: uvicorn --app-dir examples/asgi app:app."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tallystick.integrations.asgi import TallystickMiddleware


async def health(_request: Request) -> JSONResponse:
    return JSONResponse({})


async def orders(request: Request) -> JSONResponse:
    return JSONResponse({"of": request.state.token.user_id})


async def purge(request: Request) -> JSONResponse:
    return JSONResponse({"purged": request.path_params["service_id"]})


shop = Starlette(
    routes=[
        Route("/healthz", health),
        Route("/orders", orders),
        Route("/purge/{service_id}", purge, methods=["POST"]),
    ]
)
app = TallystickMiddleware(shop, open=["/healthz"], needs={"/purge/{service}": "purge_all"})
