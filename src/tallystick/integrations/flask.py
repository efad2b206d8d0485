"""Flask: an extension, under which every view needs a token, and decorators that say more or less.

guard = Tallystick(app)

@app.get("/healthz")
@guard.open
def healthz(): ...

@app.post("/purge/<service_id>")
@guard.needs("purge_all", service="service_id")
def purge(service_id): g.token.user_id ...
"""

from collections.abc import Callable
from functools import wraps
from typing import Final, NamedTuple, ParamSpec, TypeVar, Unpack

from flask import Flask, Response, abort, current_app, g, request

from tallystick.client._verify import Verdict
from tallystick.integrations._gate import Came, Need, Refusal
from tallystick.integrations._guard import Guard, Settings

P = ParamSpec("P")
R = TypeVar("R")

_MARK: Final = "_tallystick"


class _Mark(NamedTuple):
    """What a decorator said of a view.  `service`: the name of the argument that is its id."""

    is_open: bool = False
    scope: str | None = None
    service: str | None = None


class Tallystick:
    """Refuses every request without a good token, but for views and paths that are open.  `settings`: see `Settings`.

    The views find the verdict in `g.token`; None where it is open.
    """

    def __init__(self, app: Flask | None = None, **settings: Unpack[Settings]) -> None:
        if "needs" in settings:
            raise TypeError("Flask's views say what they need: see Tallystick.needs")
        self._guard = Guard(**settings)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """For applications that are made later.  It comes before all other things that they do with a request."""
        app.before_request_funcs.setdefault(None, []).insert(0, self._before)
        app.extensions["tallystick"] = self

    def open(self, view: Callable[P, R]) -> Callable[P, R]:
        """This view needs no token."""
        setattr(view, _MARK, _Mark(is_open=True))
        return view

    def needs(
        self, scope: str | None = None, *, service: str | None = None
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """This view needs a token with that scope, which reaches the service whose id is the argument named `service`."""
        mark = _Mark(scope=Need(scope=scope).scope, service=service)

        def decorate(view: Callable[P, R]) -> Callable[P, R]:
            # On the view itself, so that it counts on whichever side of `app.route` we stand …
            setattr(view, _MARK, mark)

            @wraps(view)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
                # … and here, should another decorator in between hide it.
                if g.get(_MARK) is not mark:
                    self._require(mark, again=isinstance(g.get("token"), Verdict))
                result: R = current_app.ensure_sync(view)(*args, **kwargs)
                return result

            return guarded

        return decorate

    def _before(self) -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        self._require(getattr(view, _MARK, _Mark()))

    def _require(self, mark: _Mark, *, again: bool = False) -> None:
        setattr(g, _MARK, mark)
        g.token = None
        found: Need | Verdict | Refusal | None = self._guard.rules.need(request.method, request.path)
        if mark.is_open or found is None:
            return
        if isinstance(found, Need):
            found = self._guard.judge(_together(found, mark), _came(), again=again)
        if isinstance(found, Refusal):
            abort(Response(found.body, found.status, found.headers))
        g.token = found


def _came() -> Came:
    return Came(request.method, request.script_root + request.path, list(request.headers.items()), request.remote_addr)


def _together(need: Need, mark: _Mark) -> Need:
    """What every view needs, and this one."""
    words = dict.fromkeys(f"{need.scope or ''} {mark.scope or ''}".split())
    service = None if mark.service is None else str((request.view_args or {})[mark.service])
    return Need(scope=" ".join(words) or None, service=service)
