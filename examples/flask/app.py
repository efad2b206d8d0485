"""A Flask program in which every view needs a token, unless it says otherwise.  Run it: flask --app examples/flask/app.py run."""

from flask import Flask, g

from tallystick.integrations.flask import Tallystick

app = Flask(__name__)
guard = Tallystick(app)


@app.get("/healthz")
@guard.open
def health() -> dict[str, str]:
    return {}


@app.get("/orders")
def orders() -> dict[str, str | None]:
    return {"of": g.token.user_id}


@app.post("/purge/<service_id>")
@guard.needs("purge_all", service="service_id")
def purge(service_id: str) -> dict[str, str]:
    return {"purged": service_id}
