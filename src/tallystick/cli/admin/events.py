"""`tallystick admin events`: who did what."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
import msgspec

from tallystick.cli import moments, output, terminal
from tallystick.cli.admin import options
from tallystick.cli.offline import Desk
from tallystick.client.errors import clean
from tallystick.core.errors import NotFound
from tallystick.core.events import Event, Sought
from tallystick.core.ports import Position
from tallystick.http.events import shown
from tallystick.http.times import exact_stamp, stamp

_SIZE: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Found(msgspec.Struct, frozen=True):
    """Events, and how those are called who occur in them, by id: logins of users, names of everything else."""

    events: list[Event]
    names: Mapping[str, str]


@click.command(short_help="Show who did what, the newest first.")
@click.option("--user", "login", metavar="LOGIN", help="Done by this user; when they are gone, by their id.")
@click.option("--token", "token_id", metavar="ID", help="Done by this token.")
@click.option("--target", "target_id", metavar="ID", help="Done to this token, user, service or customer.")
@click.option("--action", metavar="WORD", help="Such as token.revoke, or token for all that was done to tokens.")
@click.option("--request", "request_id", metavar="ID", help="Within this request.")
@click.option("--since", callback=moments.ago, metavar="WHEN", help="RFC 3339, a date (UTC), or 2h, 30m, 7d, 2w ago.")
@click.option("--until", callback=moments.ago, metavar="WHEN", help="Before then, in the same forms.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many, of the newest.")
@options.of_customer
@options.in_json
def events(
    login: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    customer_id: str | None,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """Show who did what, the newest first.

    In a pipe each is a line with tabs: when, who, what, the target's id and name, how it changed, by which token, from
    which address, in which request.
    """
    sought = Sought(since=_milliseconds(since), until=_milliseconds(until), **wanted)

    async def find(desk: Desk) -> _Found:
        of_customer = await options.the_customer(desk, customer_id)
        user_id = None if login is None else await _user_id(desk, of_customer, login)
        found = await _newest(desk, of_customer, msgspec.structs.replace(sought, user_id=user_id), limit + 1)
        return _Found(found, {} if as_json else await _names(desk, of_customer, found))

    found = options.office().run(find)
    _show(_Found(found.events[:limit], found.names), as_json=as_json)
    if len(found.events) > limit:
        output.note(f"There are more than these {limit:,}: --limit shows them.")
    if not found.events and terminal.is_shown():
        output.note("There are none.")


async def _newest(desk: Desk, customer_id: str, sought: Sought, number: int) -> list[Event]:
    found: list[Event] = []
    after: Position | None = None
    while len(found) < number:
        size = min(_SIZE, number - len(found))
        page = await desk.store.events.find(customer_id, sought, after=after, size=size)
        found += page
        if len(page) < size:
            break
        after = page[-1].by.at, page[-1].id
    return found


async def _user_id(desk: Desk, customer_id: str, login: str) -> str:
    """Of the login, or the id itself of somebody who may be gone.  Raises `NotFound` for what never was either."""
    found = await desk.store.people.credentials(login)
    if found is not None:
        return found[0].id
    if not await desk.store.events.find(customer_id, Sought(user_id=login), after=None, size=1):
        raise NotFound(f"no user has the login {login}, and nothing was done by one with this id")
    return login


async def _names(desk: Desk, customer_id: str, found: Sequence[Event]) -> dict[str, str]:
    """What they are called now, or, when they are gone, were called last."""
    people = desk.store.people
    names = {each.target_id: name for each in reversed(found) if (name := _told_name(each))}
    names |= {each.id: each.login for each in await people.users(customer_id)}
    names |= {each.id: each.name for each in await people.services(customer_id)}
    names |= {each.id: each.name for each in await people.customers() if each.id == customer_id}
    tokens = {each.target_id for each in found if each.target_kind == "token"}
    for token_id in tokens | {each.by.token_id for each in found if each.by.token_id is not None}:
        if (token := await desk.store.tokens.get(token_id)) is not None:
            names[token_id] = token.name
    return names


# --- How they are shown -------------------------------------------------------------------------------------------------


def _show(found: _Found, *, as_json: bool) -> None:
    if as_json:
        output.show_json([shown(each) for each in found.events])
    elif terminal.is_shown():
        _table(found)
    else:
        for each in found.events:
            click.echo("\t".join(clean(cell) or "" for cell in _line(each, found.names)))


def _line(event: Event, names: Mapping[str, str]) -> list[str | None]:
    by = event.by
    what = [event.action, event.target_id, _name(event, names), _how(event, names)]
    return [exact_stamp(by.at), _who(event, names), *what, by.token_id, by.ip, by.request_id]


def _table(found: _Found) -> None:
    # Here, not above: rich takes longer to import than the rest of the command, and a pipe needs none of it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, now = Console(), datetime.now(UTC)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("WHEN", "WHO", "WHAT", "TARGET", "HOW"):
        table.add_column(title, no_wrap=title in ("WHEN", "WHAT"), overflow="fold")
    for each in found.events:
        at = _EPOCH + timedelta(milliseconds=each.by.at)
        when = stamp(each.by.at) if console.width >= _WIDE else output.distance(at, now)
        target = _name(each, found.names) or each.target_id
        cells = (when, _who(each, found.names), each.action, target, _how(each, found.names))
        table.add_row(*(Text(clean(cell) or "") for cell in cells))
    console.print(table)


_WIDE: Final = 110  # columns: room for an instant to the second


def _who(event: Event, names: Mapping[str, str]) -> str:
    by = event.by
    if by.user_id is not None:
        return names.get(by.user_id, by.user_id)
    return "command line" if by.token_id is None else f"token {names.get(by.token_id, by.token_id)}"


def _name(event: Event, names: Mapping[str, str]) -> str | None:
    """What the target was called then, as far as the event tells; else as it is known."""
    return _told_name(event) or names.get(event.target_id)


def _told_name(event: Event) -> str | None:
    told = {**(event.before or {}), **(event.after or {})}
    return told.get("login") or told.get("name")


def _how(event: Event, names: Mapping[str, str]) -> str:
    """How it changed, in a few words: of what is new, what makes it special; of what is gone, why."""
    told = shown(event)
    if told.after is None:
        return told.reason or ""
    if told.before is None:
        special = {name: value for name, value in told.after.items() if value and name not in _SAID_BESIDE}
        if special.get("user_id") == event.by.user_id:
            special.pop("user_id", None)
        return ", ".join(f"{_word(name)} {_value(value, names)}" for name, value in special.items())
    before, after = told.before, told.after
    return ", ".join(
        f"{_word(name)} {_value(before.get(name), names)} → {_value(after[name], names)}" for name in after
    )


_SAID_BESIDE: Final = ("name", "login", "created_at", "creator_id")
_WORDS: Final = {
    "user_id": "for",
    "expires_at": "until",
    "sudo_expires_at": "sudo until",
    "two_factor_auth_enabled": "one-time code",
    "tls_access": "TLS access",
}


def _word(name: str) -> str:
    return _WORDS.get(name, name)


def _value(value: Any, names: Mapping[str, str]) -> str:
    if isinstance(value, list):
        return " ".join(names.get(each, each) for each in value) or "all"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else names.get(value, str(value))


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)
