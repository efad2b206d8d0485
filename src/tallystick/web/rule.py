"""Revoking by rule: first a look at what would end, then all of it at once."""

from collections.abc import Mapping
from datetime import date
from typing import Final
from urllib.parse import parse_qs, urlencode

from starlette.responses import Response

from tallystick.core import revoke
from tallystick.core.errors import Conflict, Invalid, TallystickError
from tallystick.core.find import Kind
from tallystick.core.revoke import Reason
from tallystick.http.revocations import wanted_of
from tallystick.http.routes import Ask
from tallystick.http.times import stamp
from tallystick.web import forms, listing, sudo
from tallystick.web.charts import DAY_MS
from tallystick.web.forms import Form
from tallystick.web.pages import done, page

_SAME: Final = ("search", "kind", "service_id")
_ASKED: Final = (*_SAME, "unused", "created_before", "expires_before", "user", "reason")
_RULE: Final = (*_SAME, "user_id", "unused_since", "created_before", "expires_before")


async def show(ask: Ask) -> Response:
    """The form, as the address fills it in."""
    return await _page(ask, _filled(ask.request.url.query))


async def look(ask: Ask) -> Response:
    """What the rule would end now."""
    form = await forms.read(ask)
    try:
        ask = await sudo.raised(ask, form)
        revoke.require_may_revoke_by_rule(ask.caller, now=ask.now)
        rule, reason = await _rule(ask, form), _reason(form)
        met = await revoke.would_revoke(ask.wiring.store.tokens, ask.caller, wanted_of(rule))
    except TallystickError as error:
        return await _page(ask, form, error)
    services = await ask.wiring.store.people.services(ask.caller.customer_id)
    rows = await listing.rows(ask, met.sample, services, owners=True)
    asked = urlencode({name: form.one(name) for name in _ASKED if form.has(name)})
    return page(ask, "rule_met.html", rule=rule, reason=reason.value, count=met.count, rows=rows, asked=asked)


async def carry_out(ask: Ask) -> Response:
    """End all that the rule meets, but for this session."""
    form = await forms.read(ask)
    try:
        ask = await sudo.raised(ask, form)
        revoke.require_may_revoke_by_rule(ask.caller, now=ask.now)
        tokens, rule = ask.wiring.store.tokens, {name: form.one(name) for name in _RULE if form.has(name)}
        met = await revoke.would_revoke(tokens, ask.caller, wanted_of(rule))
        if met.count > (form.number("count") or 0):
            raise Conflict(f"By now {met.count:,} tokens would end", detail="Nothing was done: look at them first")
        await revoke.revoke_matching(tokens, ask.caller, wanted_of(rule), reason=_reason(form), by=ask.by())
    except TallystickError as error:
        return await _page(ask, _filled(form.one("asked")), error)
    return done("/console/customer/tokens")


async def _rule(ask: Ask, form: Form) -> Mapping[str, str]:
    """The filters that were filled in, as the API has them.

    Instants are fixed from here on, and what is made from now on is not met.
    """
    rule = {name: form.one(name) for name in _SAME if form.has(name)}
    if form.has("user"):
        rule["user_id"] = await _user_id(ask, form.one("user"))
    if form.has("unused"):
        rule["unused_since"] = stamp(ask.now - _days(form.one("unused")) * DAY_MS) or ""
    for name in ("created_before", "expires_before"):
        if form.has(name):
            rule[name] = f"{_day(form.one(name))}T00:00:00Z"
    if rule:  # else it would be one that meets everything, instead of none
        now = stamp(ask.now) or ""
        rule["created_before"] = min(rule.get("created_before", now), now)
    return rule


async def _user_id(ask: Ask, named: str) -> str:
    """Of the person with this login, or id."""
    people = ask.wiring.store.people
    found = await people.credentials(named)
    user = await people.user(named) if found is None else found[0]
    if user is None or user.customer_id != ask.caller.customer_id:
        raise Invalid(f"Nobody here has the login {named!r}", detail="The page of people has them all")
    return user.id


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and int(text)):
        raise Invalid("Days are a number from 1 to 9999")
    return int(text)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Invalid("A day is written like 2031-01-31") from error


def _reason(form: Form) -> Reason:
    try:
        return Reason(form.one("reason") or Reason.UNSPECIFIED)
    except ValueError as error:
        raise Invalid("Choose one of the reasons") from error


def _filled(query: str) -> Form:
    """The form as it was filled in: it holds nothing that must not be in an address."""
    return Form({name: values for name, values in parse_qs(query).items() if name in _ASKED})


async def _page(ask: Ask, form: Form, error: TallystickError | None = None) -> Response:
    if not ask.caller.is_superuser:
        revoke.require_may_revoke_by_rule(ask.caller, now=ask.now)
    return page(
        ask,
        "rule.html",
        error=error,
        form=form,
        services=(await ask.wiring.store.people.services(ask.caller.customer_id))[: listing.SERVICES_SHOWN],
        kinds=[kind.value for kind in Kind],
        reasons=[reason.value for reason in Reason],
    )
