"""`/check`: may this token do that?  For gateways and applications that stand in front of an API."""

from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core.errors import Forbidden
from tallystick.core.explain import Because
from tallystick.core.may import has_scope, is_limited_to
from tallystick.core.token import Token
from tallystick.core.usage import Why
from tallystick.http import guards
from tallystick.http.admitting import of_gateway, of_request
from tallystick.http.admitting import refused as by_limit
from tallystick.http.queries import read, require_known, text
from tallystick.http.routes import Ask, Handler, json_answer

QUERIES: Final = (
    text("scope", "Words that the token must have; of Fastly's `global` has all, of others none."),
    text("service", "The id of a service that the token must reach."),
)
_NO: Final = {
    Why.SCOPE: "This token does not have the scope that is asked for",
    Why.SERVICE: "This token does not reach the service that is asked for",
}


class Allowed(msgspec.Struct):
    """It may.  All there is to say stands in the headers."""


async def check(ask: Ask) -> Response:
    """Say whether the token that this request carries may do what is asked for: 200 if so, else 403.

    `scope` and `service` say what; without them it is enough that the token is live.  A gateway says in `X-Original-URI` and
    `X-Original-Method`, or in `X-Forwarded-Uri`, `-Method` and `-Host`, which request it is about: access rules need it.  All of
    the token's own limits must agree.  The headers of the answer name whose it is.
    """
    require_known(ask.request, QUERIES)
    token = ask.caller.token
    wanted = read(ask.request, QUERIES)
    refused = await why_not(ask, token, **wanted)
    if refused is not None:
        guards.count(ask.wiring, ask.request, token, refused=refused)
        raise _forbidden(refused, token, **wanted)
    # Last, as it counts: what is refused for another reason takes nothing of what there is.
    headers = ask.request.headers
    asked, now = of_gateway(headers.getlist, of_request(ask.wiring, ask.request)), ask.now
    limit = await ask.wiring.admission.admit(token, asked, now=now, user_agent=headers.get("user-agent"))
    guards.count(ask.wiring, ask.request, token, refused=None if limit is None else Why(limit))
    if limit is not None:
        raise by_limit(token, limit, asked, now=now)
    answer = json_answer(Allowed())
    answer.headers.update(names(token))
    return answer


def _by(method: str) -> Handler:
    async def handler(ask: Ask) -> Response:
        return await check(ask)

    handler.__name__ = f"check_by_{method.lower()}"
    handler.__doc__ = (
        "The same as `GET`, for gateways that ask by the method of the request that they ask about.\n\n"
        "The parameters are in the query here too; a body is not read, and nothing is changed."
    )
    return handler


BY_OTHERS: Final = {method: _by(method) for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
METHODS: Final = frozenset({"GET", "HEAD", *BY_OTHERS})


def names(token: Token) -> dict[str, str]:
    """The headers that say whose token it is."""
    of_user = {} if token.user_id is None else {"tallystick-user": token.user_id}
    return {
        "tallystick-token": token.id,
        "tallystick-customer": token.customer_id,
        **of_user,
        "tallystick-scope": token.scope.given,
    }


async def why_not(ask: Ask, token: Token, scope: str | None = None, service: str | None = None) -> Why | None:
    """Why a live token may not do what is asked for; None when it may."""
    if scope is not None and not has_scope(token.scope, scope):
        return Why.SCOPE
    if service is not None and not await _reaches(ask, token, service):
        return Why.SERVICE
    return None


def _forbidden(refused: Why, token: Token, scope: str | None = None, service: str | None = None) -> Forbidden:
    if refused is Why.SCOPE and scope is not None:
        words = " ".join(scope.split())
        error = Forbidden.by_scope(_NO[refused], scope=words)
        error.because = Because(refused.value, token.id, words)
    else:
        error = Forbidden(_NO[refused])
        error.because = Because(refused.value, token.id, service or "")
    return error


async def _reaches(ask: Ask, token: Token, service_id: str) -> bool:
    limited = is_limited_to(token.services, service_id)
    if limited is not None:
        return limited
    memory = ask.wiring.memory
    as_of = memory.verifier.applied
    reached = await ask.wiring.store.people.known_services(token.customer_id, [service_id])
    memory.customers.learn(token.customer_id, as_of=as_of, reached=reached)
    return bool(reached)
