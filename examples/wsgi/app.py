"""A plain WSGI program behind the middleware.  Run it: gunicorn --chdir examples/wsgi --preload --workers 2 --threads 4 app:app."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tallystick.integrations.wsgi import TallystickMiddleware

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def shop(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Answers by the path, and leaves who may ask to the middleware."""
    token = environ["tallystick.token"]
    match environ["REQUEST_METHOD"], environ["PATH_INFO"].split("/"):
        case "GET", ["", "healthz"]:
            status, answer = "200 OK", {}
        case "GET", ["", "orders"]:
            status, answer = "200 OK", {"of": token.user_id}
        case "POST", ["", "purge", service_id]:
            status, answer = "200 OK", {"purged": service_id}
        case _:
            status, answer = "404 Not Found", {"msg": "Not found"}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


app = TallystickMiddleware(shop, open=["/healthz"], needs={"/purge/{service}": "purge_all"})
