"""For whoever watches over the numbers: Prometheus, and what reads its format."""

from starlette.responses import Response

from tallystick.http.routes import Ask


async def metrics(ask: Ask) -> Response:
    """Tell how the service is, in numbers: of all workers together, in the text format of Prometheus.

    Who may read them, `TALLYSTICK_METRICS` says; what each means, and when to be alarmed, docs/metrics.md.
    """
    text, media = await ask.wiring.measuring.text(ask.wiring, ask.request.headers.get("accept", ""))
    return Response(text, 200, {"cache-control": "no-store", "content-type": media})
