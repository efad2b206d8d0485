"""For whoever watches over the process: is it alive, and can it work?"""

from starlette.responses import Response

from tallystick.http.routes import Ask, json_answer


async def alive(_ask: Ask) -> Response:
    """Say that the process answers.  Restart it when this fails."""
    return json_answer({"status": "alive"})


async def ready(ask: Ask) -> Response:
    """Say that the store can be read and written.  Send no traffic here while this fails (503)."""
    await ask.wiring.readiness.require(ask.wiring.store, ask.wiring.clock)
    return json_answer({"status": "ready"})
