"""What OAuth's tools know how to ask of a token service: introspection (RFC 7662) and revocation (RFC 7009).

A token of ours is a client of its own there: its id is the client's id, and its secret the client's secret.
"""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from tallystick.core.caller import Caller
from tallystick.core.errors import Invalid, Unauthenticated, Unavailable
from tallystick.core.events import Origin
from tallystick.core.limits import Asked
from tallystick.core.ports import Seen
from tallystick.core.rights import require_may_verify
from tallystick.core.secret import Secret
from tallystick.core.token import Token
from tallystick.core.usage import Why
from tallystick.core.verify import judge
from tallystick.http import bodies, guards
from tallystick.http.routes import Ask, json_answer


class Presented(msgspec.Struct):
    """`token`: the secret.  What else clients send (`token_type_hint`, `client_id`) changes nothing."""

    token: str | None = None


class Inspected(Presented):
    """`ip`, `method`, `uri`, `host`: who presented it, with which request.  A limit that needs what is not said refuses."""

    ip: str | None = None
    method: str | None = None
    uri: str | None = None
    host: str | None = None


class Introspected(msgspec.Struct, kw_only=True):
    """What a live token is; of anything else only that `active` is false.  Instants are Unix seconds.

    `client_id`, `jti`: the token's public id.  `sub`: its user, or itself, if it is an automation token.
    """

    active: bool
    scope: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    token_type: str | UnsetType = UNSET
    exp: int | UnsetType = UNSET
    iat: int | UnsetType = UNSET
    nbf: int | UnsetType = UNSET
    sub: str | UnsetType = UNSET
    jti: str | UnsetType = UNSET
    customer_id: str | UnsetType = UNSET
    services: list[str] | UnsetType = UNSET


class Ended(msgspec.Struct):
    """It is not live, if it ever was."""


_NOT_ACTIVE: Final = Introspected(active=False)


async def introspect(ask: Ask) -> Response:
    """Say what a token is, to a program that has one with the scope `verify` (RFC 7662).

    It counts as a use of the token, if that is live.
    """
    form = await bodies.read(ask.request, Inspected)
    secret = _secret(form)
    require_may_verify(ask.caller)
    if not secret.is_well_formed():
        ask.wiring.tally.malformed += 1
        return json_answer(_NOT_ACTIVE)
    verdict = judge(await ask.wiring.memory.look_up(ask.wiring.digest(secret)), ask.now)
    if verdict.caller is None:
        guards.count_refusal(ask.wiring, verdict, ask.now)
        return json_answer(_NOT_ACTIVE)
    token, asked = verdict.caller.token, Asked(form.ip, form.method, form.uri, form.host)
    limit = await ask.wiring.admission.admit(token, asked, now=ask.now, user_agent=None)
    guards.count(ask.wiring, ask.request, token, refused=None if limit is None else Why(limit))
    return json_answer(_introspected(token) if limit is None else _NOT_ACTIVE)


async def revoke(ask: Ask) -> Response:
    """Revoke the token whose secret is sent (RFC 7009).  Who holds it may, and needs nothing else.

    Unknown, revoked and expired ones are answered alike: whoever asks has what they wanted.
    """
    secret = _secret(await bodies.read(ask.request, Presented))
    tokens = ask.wiring.store.tokens
    seen = await tokens.look_up(ask.wiring.digest(secret)) if secret.is_well_formed() else None
    if seen is not None and seen.token.is_live(ask.now):
        holder = Caller(seen.token, seen.user)
        await ask.meter.charge(holder)
        try:
            await tokens.revoke(seen.token.id, reach=holder.reach, by=_by(ask, seen))
        except Unauthenticated as error:  # locked or handed over since it was looked up: it may be live still
            raise Unavailable("the token has changed meanwhile: ask again") from error
    return json_answer(Ended())


def _secret(form: Presented) -> Secret:
    if not form.token:
        raise Invalid("token is missing", code="invalid_request")
    return Secret(form.token)


def _introspected(token: Token) -> Introspected:
    return Introspected(
        active=True,
        scope=token.scope.given,
        client_id=token.id,
        token_type="Bearer",
        exp=UNSET if token.expires_at is None else token.expires_at // 1000,
        iat=token.created_at // 1000,
        nbf=UNSET if token.limits is None or token.limits.not_before is None else token.limits.not_before // 1000,
        sub=token.owner_id,
        jti=token.id,
        customer_id=token.customer_id,
        services=list(token.services),
    )


def _by(ask: Ask, seen: Seen) -> Origin:
    """The token itself; nobody, where its user is locked: they may do nothing, but what they lost can be ended."""
    holder = judge(seen, ask.now).caller
    return msgspec.structs.replace(ask, who=holder).by()
