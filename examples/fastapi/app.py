"""A FastAPI program whose routes depend on a token.  Run it: uvicorn --app-dir examples/fastapi app:app, and look at /docs."""

from typing import Annotated

from fastapi import Depends, FastAPI, Security

from tallystick import Verdict
from tallystick.integrations.fastapi import Tallystick

guard = Tallystick()
app = FastAPI(title="Shop")
guard.attach(app)


@app.get("/healthz")
async def health() -> dict[str, str]:
    return {}


@app.get("/orders")
async def orders(token: Annotated[Verdict, Depends(guard)]) -> dict[str, str | None]:
    return {"of": token.user_id}


@app.post("/purge/{service_id}", dependencies=[Security(guard.service("service_id"), scopes=["purge_all"])])
async def purge(service_id: str) -> dict[str, str]:
    return {"purged": service_id}
