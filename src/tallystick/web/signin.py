"""Signing in, in two steps where there are two factors, and out."""

from contextlib import suppress
from typing import Final

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from tallystick.core import issue, revoke, sudo
from tallystick.core.caller import Caller
from tallystick.core.errors import Invalid, TallystickError
from tallystick.http import cursors, proving
from tallystick.http.guards import address_of
from tallystick.http.routes import Ask
from tallystick.identity.proof import Claim, Proof, Shortfall
from tallystick.web import forms, guards, session
from tallystick.web.forms import Form
from tallystick.web.pages import next_of, page, see
from tallystick.web.sudo import code_of

_CODE_MS: Final = 5 * 60 * 1000  # to find the phone


class _Half(msgspec.Struct, frozen=True, array_like=True):
    """That the password was right, for a while and in this browser: what the form for the code carries."""

    login: str
    proven: str
    visit: str
    until: int


async def front(_ask: Ask) -> Response:
    """The way in."""
    return see("/console/tokens")


async def up(ask: Ask) -> Response:
    """From the address of a form to the page on which it stands."""
    return see(ask.request.url.path.rpartition("/")[0])


async def ask_password(ask: Ask) -> Response:
    """The page to sign in."""
    query = ask.request.query_params
    if session.is_from_elsewhere(ask.request):
        # A form that is open in another window has a mark of the visit that does not come now.
        return page(ask, "again.html", visiting="")
    return _page(ask, "sign_in.html", ended=query.get("ended", ""), onward=query.get("next", ""))


async def sign_in(ask: Ask) -> Response:
    """Begin a session, or ask for the one-time code first."""
    visit = session.visit(ask.request)
    form = await forms.read(ask, visiting=visit)
    half: str | None = form.one("half") or None
    try:
        claim = _claim(ask, form, visit)
        proof = await proving.prove_login(ask, claim)
        if proof.shortfall is Shortfall.CODE and proof.mark is not None:
            half = _half(ask, claim.login, proof.mark, visit)
            wrong = proving.not_proven(proof) if claim.code else None
            return _page(ask, "sign_in_code.html", half=half, error=wrong, onward=form.one("next"))
        if proof.user is None:
            raise proving.not_proven(proof)
        return await _begin(ask, proof, next_of(form.one("next")))
    except TallystickError as error:
        again = "sign_in_code.html" if half is not None and not isinstance(error, Invalid) else "sign_in.html"
        return _page(ask, again, half=half, error=error, login=form.one("login"), onward=form.one("next"))


async def sign_out(ask: Ask) -> Response:
    """End the session, everywhere."""
    await forms.read(ask)
    await revoke.revoke_self(ask.wiring.store.tokens, ask.caller, by=ask.by())
    return session.end(see("/console/sign-in"))


async def _begin(ask: Ask, proof: Proof, onward: str) -> Response:
    assert proof.user is not None, "whoever is here is proven"
    tokens, by = ask.wiring.store.tokens, ask.by(proof.user)
    token, secret = await issue.issue_session(
        tokens, user=proof.user, proof=proof.password_hash, digest=ask.wiring.digest, by=by
    )
    # The password was given a moment ago, and a one-time code works once: nobody should have to wait for the next.
    raised = replace(by, token_id=token.id)
    await sudo.raise_token(tokens, Caller(token, proof.user), until=sudo.ends_at(None, now=ask.now), by=raised)
    await _end_old(ask)
    return session.begin(see(onward), ask, secret)


async def _end_old(ask: Ask) -> None:
    """The session that this browser had: its secret is nowhere any more."""
    if session.secret_of(ask.request) is None:
        return
    with suppress(TallystickError):  # it is over, or will be in twelve hours: who has signed in is in
        old = await guards.leaving(ask.wiring, ask.request)
        await revoke.revoke_self(ask.wiring.store.tokens, old, by=replace(ask, who=old).by())


def _claim(ask: Ask, form: Form, visit: str) -> Claim:
    """What the form says: login and password, or the code and that the password was right."""
    address = address_of(ask.wiring, ask.request) or ""
    if not form.has("half"):
        if not form.has("login") or not form.raw("password"):
            raise Invalid("Give your login and your password")
        return Claim(login=form.one("login"), password=form.raw("password"), code=None, address=address)
    half = cursors.unseal(form.one("half"), _Half, ask.wiring.digest)
    if half.visit != visit or ask.now >= half.until:
        raise Invalid("That took too long: begin again with your password")
    return Claim(login=half.login, password="", code=code_of(form), address=address, proven=half.proven)


def _half(ask: Ask, login: str, proven: str, visit: str) -> str:
    return cursors.seal(_Half(login, proven, visit, ask.now + _CODE_MS), ask.wiring.digest)


def _page(
    ask: Ask,
    template: str,
    *,
    error: TallystickError | None = None,
    half: str | None = None,
    login: str = "",
    ended: str = "",
    onward: str = "",
) -> Response:
    visit = session.visit(ask.request)
    answer = page(ask, template, error=error, visiting=visit, half=half, login=login, ended=ended, onward=onward)
    return session.keep_visit(answer, ask, visit)
