"""5 · May this caller have this token?  Then the record goes to the store and the secret to the caller, once.

Who asks is proven in one of two ways: a password (and code) alone, or a token that is in sudo or comes with its user's
password.  A token never mints more than itself: one that is limited to services cannot ask for others, or for all.
An automation token belongs to nobody, so it takes a superuser's token, in sudo; no automation token makes another.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.core.caller import Caller
from tallystick.core.errors import Forbidden, Invalid, NotFound, Unauthenticated, Unprocessable
from tallystick.core.events import Origin
from tallystick.core.limits import Limit, Limits, is_within
from tallystick.core.outcome import Added
from tallystick.core.people import Role, User
from tallystick.core.ports import TokenStore
from tallystick.core.scope import GLOBAL, VERIFY, Scope, require_write
from tallystick.core.secret import Digest, Secret, new_id
from tallystick.core.token import Token, default_name

LIVE_TOKENS_PER_USER: Final = 100  # Fastly's own limit; deleted and expired ones do not count
NAME_CHARS_MAX: Final = 255
SERVICES_MAX: Final = 1000  # per token: each look-up carries the list

NO_CREDENTIALS: Final = "Provided credentials are missing or invalid"
SUDO_NEEDED: Final = "You must POST /sudo to access this endpoint"


AUTOMATION_ROLES: Final = (Role.BILLING, Role.ENGINEER, Role.USER)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The token that is asked for.  `services`: ids, empty = all; `expires_at`: ms since the epoch, None = never."""

    name: str | None
    scope: Scope
    services: tuple[str, ...]
    expires_at: int | None
    limits: Limits | None = None


def require_may_issue(caller: Caller, *, proven: bool, now: int) -> None:
    """Raise `Forbidden` unless this token may issue others now.  `proven`: its user's password came with the request."""
    require_write(caller.token.scope)
    if not proven and not caller.token.is_in_sudo(now):
        raise Forbidden(SUDO_NEEDED)


def require_may_automate(caller: Caller, *, now: int) -> None:
    """Raise `Forbidden` unless this token may make automation tokens now."""
    require_write(caller.token.scope)
    caller.person()
    if not caller.is_superuser:
        raise Forbidden("Only a superuser may create automation tokens")
    if not caller.token.is_in_sudo(now):
        raise Forbidden(SUDO_NEEDED)


def require_automation_role(role: Role) -> None:
    """Raise `Invalid` for the one role that an automation token cannot have."""
    if role not in AUTOMATION_ROLES:
        known = ", ".join(AUTOMATION_ROLES)
        raise Invalid(f"an automation token cannot be a {role}: use one of {known}", code="invalid_request")


def check_wish(wish: Wish, *, by: Role, caller: Caller | None, known_services: AbstractSet[str], now: int) -> None:
    """Raise what is wrong with a wish: `Unprocessable` for its expiry, `Forbidden` for more than the caller has, else `Invalid`.

    `by`: the role of who asks.  `known_services`: those of the services asked for that are the customer's.
    """
    if VERIFY in wish.scope.words and by is not Role.SUPERUSER:
        raise Forbidden(f"Only a superuser may create tokens with scope {VERIFY}")
    if wish.name is not None and len(wish.name) > NAME_CHARS_MAX:
        raise Invalid(f"name is longer than {NAME_CHARS_MAX} characters", code="invalid_request")
    if wish.expires_at is not None and wish.expires_at <= now:
        raise Unprocessable("expires_at must be in the future", code="invalid_request")
    if len(wish.services) > SERVICES_MAX:
        raise Invalid(f"a token can be limited to at most {SERVICES_MAX} services", code="invalid_request")
    if caller is not None and caller.token.services and not _within(wish.services, caller.token.services):
        raise Forbidden("A token limited to services can only create tokens limited to the same services, or to fewer")
    if caller is not None:
        require_limits_within(wish.limits, caller.token)
    unknown = [service for service in wish.services if service not in known_services]
    if unknown:
        # A foreign service and one that does not exist get the same sentence.
        raise Invalid(f"no such service: {', '.join(unknown)}", code="invalid_request")


async def issue(
    tokens: TokenStore,
    wish: Wish,
    *,
    user: User,
    caller: Caller | None,
    proof: str | None = None,
    token_id: str | None = None,
    digest: Callable[[Secret], Digest],
    by: Origin,
) -> tuple[Token, Secret]:
    """Write a user's token and hand out its secret, which exists nowhere else from here on.

    Permission and wish have been checked.  What only the store can decide is decided in its transaction: raises `Invalid`
    when the user has too many live tokens or a service is gone, `Unauthenticated` when the asking token was revoked
    meanwhile, or its user locked or deleted, or their password changed.  `proof`: what the password that was given for this is
    kept as, None when it was none.  `token_id`: what it is to be called, for who may ask twice: `Conflict` the second time.
    """
    token = replace(_record(wish, user.customer_id, by, token_id), user_id=user.id)
    return token, await _add(tokens, token, caller=caller, proof=proof, digest=digest, by=by)


async def issue_automation(
    tokens: TokenStore,
    wish: Wish,
    *,
    role: Role,
    tls_access: bool,
    caller: Caller,
    token_id: str | None = None,
    digest: Callable[[Secret], Digest],
    by: Origin,
) -> tuple[Token, Secret]:
    """The same, for an automation token of the caller's customer.  There is no limit to how many it has."""
    record = _record(wish, caller.customer_id, by, token_id)
    token = replace(record, role=role, creator_id=caller.person().id, tls_access=tls_access)
    return token, await _add(tokens, token, caller=caller, proof=None, digest=digest, by=by)


SESSION_MS: Final = 12 * 3600 * 1000
SESSION_NAME: Final = "console session"
_SESSIONS_BESIDE: Final = 20  # over the limit: who has all their tokens must be able to sign in, to end some


async def issue_session(
    tokens: TokenStore, *, user: User, proof: str, digest: Callable[[Secret], Digest], by: Origin
) -> tuple[Token, Secret]:
    """The token of somebody who has signed in to the console: one of theirs like any other, for twelve hours.

    Raises as `issue` does, and `Unauthenticated` when the password changed since it was proven, which was kept as `proof`.
    """
    wish = Wish(name=SESSION_NAME, scope=Scope((GLOBAL,)), services=(), expires_at=by.at + SESSION_MS)
    token = replace(_record(wish, user.customer_id, by), user_id=user.id)
    limit = LIVE_TOKENS_PER_USER + _SESSIONS_BESIDE
    return token, await _add(tokens, token, caller=None, proof=proof, digest=digest, by=by, limit=limit)


def is_session(token: Token) -> bool:
    """Whether it is what signing in to the console makes: nothing else opens its pages.

    (Who makes one just like it by the API has no more by it than by signing in.)
    """
    lasts = None if token.expires_at is None else token.expires_at - token.created_at
    is_whole = token.scope.writes and not token.services
    return token.user_id is not None and token.name == SESSION_NAME and lasts == SESSION_MS and is_whole


def _record(wish: Wish, customer_id: str, by: Origin, token_id: str | None = None) -> Token:
    token_id = token_id or new_id()
    return Token(
        id=token_id,
        user_id=None,
        customer_id=customer_id,
        name=wish.name or default_name(token_id),
        scope=wish.scope,
        services=wish.services,
        created_at=by.at,
        expires_at=wish.expires_at,
        limits=wish.limits,
    )


async def _add(
    tokens: TokenStore,
    token: Token,
    *,
    caller: Caller | None,
    proof: str | None,
    digest: Callable[[Secret], Digest],
    by: Origin,
    limit: int = LIVE_TOKENS_PER_USER,
) -> Secret:
    secret, parent_id = Secret.mint(), None if caller is None else caller.token.id
    try:
        added = await tokens.add(token, digest(secret), limit=limit, parent_id=parent_id, proof=proof, by=by)
    except NotFound as error:
        raise Unauthenticated(NO_CREDENTIALS) from error
    if added is Added.TOO_MANY:
        raise Invalid(f"this user already has {limit} live tokens: revoke one first", code="invalid_request")
    if added is Added.SERVICE_GONE:
        raise Invalid("one of the services was deleted meanwhile", code="invalid_request")
    if added is Added.SCOPE_GONE:
        raise Invalid("one of the scopes was taken away meanwhile", code="invalid_scope")
    if added in (Added.PARENT_GONE, Added.PROOF_GONE):
        raise Unauthenticated(NO_CREDENTIALS)
    return secret


_COUNTED: Final = (Limit.PER_SECOND, Limit.PER_MINUTE, Limit.PER_DAY, Limit.USES)


def require_limits_within(wanted: Limits | None, parent: Token) -> None:
    """Raise `Forbidden` when a token would let in what the one that asks for it does not."""
    if parent.limits is None:
        return
    if any(parent.limits.enforces(limit) for limit in _COUNTED):
        # Each new one would bring its own share.
        raise Forbidden("A token with a limited number of requests cannot create tokens")
    if not is_within(wanted, parent.limits):
        raise Forbidden("A token can only create tokens with its own limits, or narrower ones")


def _within(asked: tuple[str, ...], own: tuple[str, ...]) -> bool:
    return bool(asked) and set(asked) <= set(own)
