"""What the example has not: a dependency for all routes, one of a router, a WebSocket, refusals in a form of one's own."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Security, WebSocket
from fastapi.responses import PlainTextResponse

from tallystick import Verdict
from tallystick.integrations.fastapi import Refused, Tallystick

guard = Tallystick(scope="global:read")
app = FastAPI(dependencies=[Depends(guard)])
guard.attach(app)
purging = APIRouter(prefix="/purge", dependencies=[Security(guard, scopes=["purge_all"])])


@purging.post("/{service_id}")
async def purge(
    service_id: str,
    token: Annotated[Verdict, Security(guard.service("service_id"), scopes=["purge_select"])],
) -> str:
    return f"{service_id} {token.token_id}"


@app.get("/orders")
def orders() -> list[str]:
    return []


@app.websocket("/talk")
async def talk(socket: WebSocket, token: Annotated[Verdict, Depends(guard)]) -> None:
    await socket.accept()
    await socket.send_text(str(token.user_id))
    await socket.close()


app.include_router(purging)

own = FastAPI(dependencies=[Depends(guard)])


@own.exception_handler(Refused)
async def told(_request: Request, refused: Refused) -> PlainTextResponse:
    return PlainTextResponse(f"No: {refused.refusal.msg}", refused.refusal.status)


@own.get("/orders")
async def more_orders() -> list[str]:
    return []
