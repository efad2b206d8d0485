"""What there is to decide about when somebody leaves, and how it is shown."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
import msgspec

from tallystick.cli import output, terminal
from tallystick.cli.admin import holdings, show
from tallystick.cli.offline import Desk
from tallystick.client.errors import clean
from tallystick.core.people import Role, User
from tallystick.core.token import Token
from tallystick.http.times import stamp
from tallystick.identity.offboard import Fate, require_may_leave, role_of_moved

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Fates = Mapping[str, Fate]  # by token id; what is missing is not decided yet


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who leaves, and their live tokens, oldest first.  `services`: names by id."""

    user: User
    tokens: list[Token]
    services: Mapping[str, str]

    @property
    def role(self) -> Role:
        """Of a token that is moved."""
        return role_of_moved(self.user)

    @property
    def narrows(self) -> bool:
        """Whether a token that is moved may do less than it could."""
        return self.role is not self.user.role

    @property
    def by_id(self) -> Mapping[str, Token]:
        """The tokens, in the same order."""
        return {token.id: token for token in self.tokens}


async def draw_up(desk: Desk, login: str) -> Plan:
    """As things are now.  Raises `NotFound`, and `Conflict` for somebody who cannot leave."""
    found = await holdings.look_up(desk, login)
    await require_may_leave(desk.store.people, found.user, by=desk.by)
    services = await desk.store.people.services(found.customer.id)
    return Plan(user=found.user, tokens=found.tokens, services={each.id: each.name for each in services})


def show_plan(plan: Plan, fates: Fates, *, as_json: bool) -> None:
    """On standard output; what nobody should overlook, beside it."""
    if as_json:
        output.show_json(_in_json(plan, fates))
    elif not terminal.is_shown():
        for token in plan.tokens:
            click.echo("\t".join(clean(cell) or "" for cell in _line(token, plan, fates)))
    else:
        _table(plan, fates)
    if plan.tokens and plan.narrows:
        output.note(
            f"Careful: {plan.user.login} is a {plan.user.role.value}, which no automation token can be.  A token that is moved has the"
            f" role {plan.role.value}: what uses it to look after people, automation tokens or other people's tokens, or to read"
            " events, is refused from then on."
        )


def named(token: Token) -> str:
    """A token, as people and commands know it."""
    return f"{clean(token.name) or ''} ({token.id})"


def used(token: Token) -> str:
    """When, from where and by what it was last used, on one line."""
    when, *how = _use(token)
    return " ".join([when if token.last_use is None else f"used {when}", *how])


def _use(token: Token) -> list[str]:
    use = token.last_use
    if use is None:
        return ["never used"]
    program = clean(use.user_agent)
    return [_distance(use.at), *([f"from {use.ip}"] if use.ip else []), *([f"by {program}"] if program else [])]


def _table(plan: Plan, fates: Fates) -> None:
    # Here, not above: rich takes longer to import than the rest of the command, and a pipe needs none of it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    user, number = plan.user, len(plan.tokens)
    locked = ", locked" if user.locked else ""
    has = show.live(number) if number else "no live tokens"
    click.echo(f"{user.login} ({clean(user.name)}, {user.role.value}{locked}) has {has}.")
    if not number:
        return
    table = Table(box=None, padding=(0, 2, 1, 0), header_style="bold")
    for title in ("ID", "NAME", "ALLOWS", "LAST USE", *(["FATE"] if fates else [])):
        table.add_column(title, no_wrap=title in ("ID", "FATE"), overflow="fold")
    for token in plan.tokens:
        fate = [_fate(token, fates)] if fates else []
        cells = [token.id, clean(token.name) or "", _allows(token, plan), "\n".join(_use(token)), *fate]
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)
    what = f"A token that is moved becomes an automation token with the role {plan.role.value}"
    click.echo(f"{what}: same id, secret, scope, services and end.")
    click.echo("It is nobody's then: it makes no other tokens, and there is no current user for it.")


def _allows(token: Token, plan: Plan) -> str:
    services = f"only {_services(token, plan)}" if token.services else "all services"
    end = "never expires" if token.expires_at is None else f"expires {_distance(token.expires_at)}"
    return "\n".join(clean(line) or "" for line in (str(token.scope), services, end))


def _line(token: Token, plan: Plan, fates: Fates) -> list[str | None]:
    use = token.last_use
    how = [None] * 3 if use is None else [stamp(use.at), use.ip, use.user_agent]
    what = [token.id, token.name, str(token.scope), _services(token, plan), stamp(token.expires_at)]
    return [*what, *how, plan.role.value, _fate(token, fates)]


# Any: what the fields hold.
def _in_json(plan: Plan, fates: Fates) -> dict[str, Any]:
    user = plan.user
    tokens = [
        show.token_in_json(token)
        | {"service_names": [_name(each, plan) for each in token.services], "fate": fates.get(token.id)}
        for token in plan.tokens
    ]
    who = {"id": user.id, "login": user.login, "name": user.name, "role": user.role, "locked": user.locked}
    return {"user": who, "role_if_moved": plan.role, "narrowed_if_moved": plan.narrows, "tokens": tokens}


def _services(token: Token, plan: Plan) -> str:
    return ", ".join(_name(each, plan) for each in token.services) or "all"


def _name(service_id: str, plan: Plan) -> str:
    return plan.services.get(service_id, service_id)


def _fate(token: Token, fates: Fates) -> str:
    return fates[token.id].value if token.id in fates else ""


def _distance(instant: int) -> str:
    return output.distance(_EPOCH + timedelta(milliseconds=instant), datetime.now(UTC))
