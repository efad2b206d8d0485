"""Who asks for a new token, or for sudo: login, password and one-time code, as they come over the wire."""

from typing import Final

from starlette.requests import Request

from tallystick.core import issue, rights
from tallystick.core.caller import Caller
from tallystick.core.errors import Forbidden, Invalid, Unauthenticated
from tallystick.core.people import User, normal_login
from tallystick.core.scope import require_write
from tallystick.http import wire
from tallystick.http.guards import address_of, basic
from tallystick.http.routes import Ask
from tallystick.identity.proof import Claim, Proof, Shortfall

NOT_PROVEN: Final = "Invalid username or password"
CODE_WRONG: Final = "2fa.verify"


async def who_may_issue(ask: Ask, form: wire.CreateToken) -> tuple[User, str | None]:
    """The user that a new token would be for, and what the password that proved them is kept as (None: it was not needed).

    With a token: its user, if it is in sudo or comes with that user's password.  Without: whoever the password proves.
    Raises `Unauthenticated` when there is nothing to go by, `Forbidden` for a token that may not, else `Invalid`.
    """
    login, password = _credentials(ask.request, form)
    if ask.who is None:
        return await _by_password_alone(ask, login, password)
    return await _by_token(ask, ask.who, login, password)


async def prove_for_sudo(ask: Ask, caller: Caller, form: wire.Sudo) -> None:
    """Raise `Forbidden`, or `Invalid` for a one-time code, unless the caller's own password came with the request."""
    if not form.password:
        raise Invalid("password is missing", code="invalid_request")
    if not _is_named(form.username, caller.person()):
        raise _not_proven_for_sudo(Proof(None, Shortfall.WRONG))
    await prove_again(ask, caller, form.password, code=given_code(ask))


async def prove_again(ask: Ask, caller: Caller, password: str, *, code: str | None) -> None:
    """Raise `Forbidden`, or `Invalid` for a one-time code, unless it is the password of the caller's own user."""
    proof = await _prove_user(ask, caller.person(), password, code)
    if proof.user is None:
        raise _not_proven_for_sudo(proof)


def claimed(ask: Ask) -> tuple[str, str | None]:
    """Whose password is to change: the token's user's, or, as Fastly's generated clients ask, that of the login in Basic.

    The second is the password in Basic.  Raises `Unauthenticated` when there is neither, `Forbidden` by scope.
    """
    if ask.who is not None:
        rights.require_may_change(ask.who)
        return ask.who.person().login, None
    login, password = basic(ask.request.headers)
    if login is None:
        raise Unauthenticated(issue.NO_CREDENTIALS)
    return login, password


async def prove_login(ask: Ask, claim: Claim) -> Proof:
    """How a claim of somebody without a token ends; who is proven pays for the write that follows."""
    proof = await ask.wiring.prover.prove(claim)
    if proof.user is not None:
        # Until here nobody was known whose write it could be.
        await ask.meter.charge(proof.user)
    return proof


async def prove_old(
    ask: Ask, login: str, *, by_basic: str | None, old_password: str | None, code: str | None
) -> tuple[User, str]:
    """Who that is, and what their password is kept as.  Raises `Invalid` unless it, and the code, came with the request."""
    if not old_password:
        raise Invalid("old_password is missing", code="invalid_request")
    if ask.who is not None:
        proof = await _prove_user(ask, ask.who.person(), old_password, code)
    elif by_basic == old_password:
        proof = await prove_login(ask, _claim(ask, login, old_password, code))
    else:
        proof = Proof(None, Shortfall.WRONG)
    if proof.user is None:
        raise not_proven(proof)
    return proof.user, proof.password_hash


async def _by_password_alone(ask: Ask, login: str | None, password: str | None) -> tuple[User, str | None]:
    if login is None and password is None:
        raise Unauthenticated(issue.NO_CREDENTIALS)
    if login is None or password is None:
        missing = "username" if login is None else "password"
        raise Invalid("username and password are needed", detail=f"{missing} is missing", code="invalid_request")
    proof = await prove_login(ask, _claim(ask, login, password, given_code(ask)))
    if proof.user is None:
        raise not_proven(proof)
    return proof.user, proof.password_hash


async def _by_token(ask: Ask, caller: Caller, login: str | None, password: str | None) -> tuple[User, str | None]:
    # In sudo the password has just been proven: clients that send it again need not wait for another hash.
    proven_by: str | None = None
    require_write(caller.token.scope)
    user = caller.person()
    if password is not None and not caller.token.is_in_sudo(ask.now) and _is_named(login, user):
        proof = await _prove_user(ask, user, password, given_code(ask))
        if proof.shortfall is Shortfall.CODE:
            raise not_proven(proof)
        proven_by = proof.password_hash or None
    issue.require_may_issue(caller, proven=proven_by is not None, now=ask.now)
    return user, proven_by


def _credentials(request: Request, form: wire.CreateToken) -> tuple[str | None, str | None]:
    """Login and password from the body, or else from Basic.  Empty is absent: two clients send `Basic Og==` always."""
    if form.username or form.password:
        return form.username or None, form.password or None
    return basic(request.headers)


def _is_named(login: str | None, user: User) -> bool:
    return not login or normal_login(login) == normal_login(user.login)


async def _prove_user(ask: Ask, user: User, password: str, code: str | None) -> Proof:
    proof = await ask.wiring.prover.prove(_claim(ask, user.login, password, code))
    # Logins change hands: meanwhile this one may be somebody else's, who knows the password of it.
    return Proof(None, Shortfall.WRONG) if proof.user is not None and proof.user.id != user.id else proof


def _claim(ask: Ask, login: str, password: str, code: str | None) -> Claim:
    address = address_of(ask.wiring, ask.request) or ""
    return Claim(login=login, password=password, code=code, address=address)


def given_code(ask: Ask) -> str | None:
    """The one-time code, where the API has it."""
    return ask.request.headers.get("fastly-otp")


def not_proven(proof: Proof) -> Invalid:
    """What is said to who did not prove who they are."""
    if proof.shortfall is Shortfall.CODE:
        # One Fastly tool reads the word from `msg`, another from `code`, a third the text from `detail`: all get it.
        return Invalid(CODE_WRONG, detail="Invalid one-time password", code=CODE_WRONG)
    if proof.shortfall is Shortfall.LOCKED:
        return Invalid(
            "Account locked",
            detail="Too many failures in a row: an administrator can unlock this login",
            code="account_locked",
        )
    if proof.shortfall is Shortfall.BARRED:
        return Invalid("Account locked", detail="An administrator can unlock this user", code="account_locked")
    return Invalid(NOT_PROVEN, detail="The username or the password is wrong", code="invalid_grant")


def _not_proven_for_sudo(proof: Proof) -> Invalid | Forbidden:
    if proof.shortfall is Shortfall.CODE:
        return not_proven(proof)
    reason = not_proven(proof)
    code = "account_locked" if proof.shortfall in (Shortfall.LOCKED, Shortfall.BARRED) else "forbidden"
    return Forbidden(reason.msg, detail=reason.detail, code=code)
