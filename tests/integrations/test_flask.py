"""Flask: every view is closed, whatever else decorates it, and decorators say more or less."""

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path

import pytest
from flask import Blueprint, Flask, g
from flask.testing import FlaskClient
from flask.views import MethodView

from tallystick import Invalid
from tallystick.integrations.flask import Tallystick
from tallystick.testing import RunningServer
from tests.integrations.tokens import bearer, issued, limited

READ, PURGE, ALL = "global:read", "purge_all", "global"


def hides(view: Callable[..., str]) -> Callable[..., str]:
    """A decorator of somebody who does not know functools.wraps."""

    def anonymous(**kwargs: str) -> str:
        return view(**kwargs)

    anonymous.__name__ = view.__name__
    return anonymous


def keeps(view: Callable[..., str]) -> Callable[..., str]:
    @wraps(view)
    def decorated(**kwargs: str) -> str:
        return view(**kwargs)

    return decorated


@pytest.fixture
def client(server: RunningServer, key: str) -> Iterator[FlaskClient]:
    guard = Tallystick(url=server.url, token=key, open=["/static/**", "OPTIONS /**"], scope=READ)
    app = Flask(__name__, static_url_path="/static", static_folder=str(Path(__file__).parent))
    views(app, guard)
    guard.init_app(app)
    yield app.test_client()
    guard._guard._verifier.close()  # in a program the end of the process does it


def views(app: Flask, guard: Tallystick) -> None:
    needs = guard.needs(PURGE)

    @app.get("/plain")
    def plain() -> str:
        return str(g.token.user_id)

    @app.get("/above")
    @needs
    def above() -> str:
        return g.token.scope  # type: ignore[no-any-return]

    @needs
    @app.get("/below")
    def below() -> str:
        return g.token.scope  # type: ignore[no-any-return]

    @app.get("/kept")
    @keeps
    @needs
    def kept() -> str:
        return g.token.scope  # type: ignore[no-any-return]

    @app.get("/hidden")
    @hides
    @needs
    def hidden() -> str:
        return g.token.scope  # type: ignore[no-any-return]

    @app.get("/open")
    @guard.open
    def opened() -> str:
        return str(g.token)

    @app.get("/open-hidden")
    @hides
    @guard.open
    def open_hidden() -> str:
        return ""

    class Purges(MethodView):
        decorators = [guard.needs(PURGE, service="service_id")]  # noqa: RUF012 - as Flask has it

        def post(self, service_id: str) -> str:
            return service_id

    blueprint = Blueprint("more", __name__, url_prefix="/more")
    blueprint.add_url_rule("/<service_id>", view_func=Purges.as_view("purges"))
    app.register_blueprint(blueprint)


NEEDING = ["/above", "/below", "/kept", "/hidden"]


@pytest.mark.parametrize("path", ["/plain", "/open-hidden", "/nothing", *NEEDING])
def test_without_a_token_nothing_is_there_but_what_is_open(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 401


def test_what_is_open_has_no_token(client: FlaskClient) -> None:
    assert client.get("/open").text == "None"
    with client.get("/static/test_flask.py") as file:
        assert file.status_code == 200
    assert client.options("/above").status_code == 200
    assert client.get("/static//test_flask.py").status_code == 400


@pytest.mark.parametrize("path", NEEDING)
def test_a_view_needs_what_its_decorator_says_and_what_all_need(
    client: FlaskClient, server: RunningServer, path: str
) -> None:
    statuses = [
        client.get(path, headers=bearer(issued(server, scope=scope))).status_code
        for scope in (READ, PURGE, f"{READ} {PURGE}", ALL)
    ]

    assert statuses == [403, 403, 200, 200]


def test_what_needs_no_more_than_all_do(client: FlaskClient, server: RunningServer) -> None:
    one = issued(server, scope=READ)

    assert client.get("/plain", headers=bearer(one)).text == one.record.user_id
    assert client.get("/nothing", headers=bearer(one)).status_code == 404


def test_classes_of_views_in_blueprints_and_the_services_that_they_name(
    client: FlaskClient, server: RunningServer
) -> None:
    one = issued(server, services=[server["SERVICE_1"]])

    reached = client.post(f"/more/{server['SERVICE_1']}", headers=bearer(one))
    not_reached = client.post(f"/more/{server['SERVICE_2']}", headers=bearer(one))

    assert (reached.status_code, reached.text) == (200, server["SERVICE_1"])
    assert not_reached.status_code == 403


def test_needs_are_said_by_views_and_not_by_paths(server: RunningServer, key: str) -> None:
    with pytest.raises(TypeError, match="views"):
        Tallystick(url=server.url, token=key, needs={"/a": "global"})


@pytest.mark.parametrize("path", NEEDING)
def test_a_request_is_one_use_wherever_the_decorator_stands(
    client: FlaskClient, server: RunningServer, path: str
) -> None:
    headers = bearer(limited(server, uses=2))

    assert [client.get(path, headers=headers).status_code for _ in range(3)] == [200, 200, 401]


def test_behind_a_proxy_that_is_believed_the_address_is_the_one_that_it_tells(server: RunningServer, key: str) -> None:
    guard = Tallystick(url=server.url, token=key, trusted_proxies=["192.0.2.1"])
    app = Flask(__name__)
    guard.init_app(app)
    app.add_url_rule("/", view_func=lambda: "in")
    headers = bearer(limited(server, networks=["203.0.113.7"]))

    statuses = [
        app.test_client().get("/", headers=headers | more, environ_base={"REMOTE_ADDR": peer}).status_code
        for peer, more in (
            ("192.0.2.1", {"X-Forwarded-For": "203.0.113.7"}),
            ("192.0.2.1", {"X-Forwarded-For": "203.0.113.7, 198.51.100.1"}),
            ("198.51.100.1", {"X-Forwarded-For": "203.0.113.7"}),
            ("203.0.113.7", {}),
        )
    ]
    guard._guard._verifier.close()

    assert statuses == [200, 401, 401, 200]


@pytest.mark.parametrize("trusted", ["192.0.2.0/24", ["nonsense"], ["192.0.2.1/24"]])
def test_a_proxy_that_is_no_network_is_an_error_at_the_start(trusted: object) -> None:
    with pytest.raises(Invalid, match="trusted_proxies"):
        Tallystick(url="http://127.0.0.1:1", token="key", trusted_proxies=trusted)  # type: ignore[arg-type]
