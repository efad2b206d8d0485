"""A new token: the form that explains what is asked for, and the secret, once."""

from collections.abc import Sequence
from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core import issue, rights
from tallystick.core.errors import Conflict, TallystickError
from tallystick.core.people import Service
from tallystick.core.scope import require_write
from tallystick.core.scopes import Catalogue
from tallystick.core.secret import Secret, new_id
from tallystick.core.token import Token
from tallystick.http import cursors
from tallystick.http.routes import Ask
from tallystick.web import forms, limits, session, sudo, wishes
from tallystick.web.forms import NOTHING, Form
from tallystick.web.pages import page

_OFFERED: Final = 200  # beyond that nobody looks through them, and everybody would wait for the page
_TWICE: Final = "This form was sent before, and the token is made"


class _Once(msgspec.Struct, frozen=True, array_like=True):
    """The id that the token of one form gets: sent again, the form makes no second one."""

    user_id: str
    token_id: str


async def ask(ask: Ask) -> Response:
    """The form."""
    require_write(ask.caller.token.scope)
    return await form_page(ask, NOTHING, new_id())


async def create(ask: Ask) -> Response:
    """Make the token, and show its secret: in the answer to this form and nowhere else."""
    form = await forms.read(ask)
    token_id = once(ask, form)
    try:
        ask = await sudo.raised(ask, form)
        user = ask.caller.person()
        wish = wishes.wish(form, await catalogue_of(ask), by=user.role, now=ask.now)
        issue.require_may_issue(ask.caller, proven=False, now=ask.now)
        known = await ask.wiring.store.people.known_services(user.customer_id, wish.services)
        issue.check_wish(wish, by=user.role, caller=ask.caller, known_services=known, now=ask.now)
        token, secret = await issue.issue(
            ask.wiring.store.tokens,
            wish,
            user=user,
            caller=ask.caller,
            token_id=token_id,
            digest=ask.wiring.digest,
            by=ask.by(),
        )
    except TallystickError as error:
        refuse_twice(error)
        return await form_page(ask, form, token_id, error=error)
    return await secret_page(ask, token, secret)


async def form_page(
    ask: Ask, form: Form, token_id: str, *, error: TallystickError | None = None, template: str = "new.html"
) -> Response:
    """The form as it was filled in, with what is wrong about it."""
    everything = await ask.wiring.store.people.services(ask.caller.customer_id)
    visible = rights.visible(everything, ask.caller)
    return page(
        ask,
        template,
        error=error,
        form=form,
        roles=[role.value for role in issue.AUTOMATION_ROLES],
        words=wishes.words(ask.caller.role),
        own_words=wishes.own_words(await catalogue_of(ask), ask.caller.role),
        presets=wishes.PRESETS,
        preset=form.one("ends") or wishes.DEFAULT_PRESET,
        services=_offered(visible, form),
        more_services=len(visible) > _OFFERED,
        fields=limits.FIELDS,
        limited=any(map(form.has, limits.FIELDS)),
        once=cursors.seal(_Once(ask.caller.token.owner_id, token_id), ask.wiring.digest),
    )


def _offered(visible: Sequence[Service], form: Form) -> Sequence[Service]:
    """Those that are there to be ticked: of very many, some, and what is ticked."""
    ticked = form.all("services")
    return [service for number, service in enumerate(visible) if number < _OFFERED or service.id in ticked]


async def catalogue_of(ask: Ask) -> Catalogue:
    """The scopes of the customer's own."""
    return await ask.wiring.store.catalogues.of(ask.caller.customer_id)


def once(ask: Ask, form: Form) -> str:
    """The id that a form has for its token.  Raises `Invalid` for one that is not ours, or somebody else's."""
    given = cursors.unseal(form.one("once"), _Once, ask.wiring.digest)
    return given.token_id if given.user_id == ask.caller.token.owner_id else new_id()


def refuse_twice(error: TallystickError) -> None:
    """Raise what is said of a form that was sent before, if this error says so."""
    if isinstance(error, Conflict):
        raise Conflict(
            _TWICE, detail="Its secret was shown once, and is not kept: if it is lost, revoke the token"
        ) from error


async def secret_page(ask: Ask, token: Token, secret: Secret) -> Response:
    """What is shown once."""
    services = await ask.wiring.store.people.services(token.customer_id) if token.services else []
    names = {service.id: service.name for service in services}
    scheme = "https" if session.is_private(ask) else "http"
    address = f"{scheme}://{ask.request.headers.get('host', '')}"
    return page(
        ask,
        "secret.html",
        token=token,
        services=[names.get(each, each) for each in token.services],
        secret=secret.reveal(),
        address=address,
    )
