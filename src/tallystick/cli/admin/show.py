"""How `tallystick admin` shows things: as a table where somebody is looking, as lines for cut and awk where not, as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
import msgspec

from tallystick.cli import terminal
from tallystick.cli.admin.holdings import Holding, Person
from tallystick.cli.output import show_json
from tallystick.client.errors import clean
from tallystick.core.guesses import Failures
from tallystick.core.people import Customer, Service, User
from tallystick.core.token import Token
from tallystick.http.times import stamp
from tallystick.identity import guess

_Record = Customer | User | Service


def records(found: Sequence[_Record], columns: tuple[str, ...], *, as_json: bool) -> None:
    """A list, one record a line."""
    if as_json:
        show_json([_in_json(one) for one in found])
        return
    _table(columns, [[_cell(getattr(one, column)) for column in columns] for one in found])


def person(found: Person, *, as_json: bool) -> None:
    """All about one user, a line for each field, and then their live tokens."""
    if as_json:
        failures = None if found.failures is None else _in_json(found.failures)
        held = {"failed_guesses": failures, "tokens": [token_in_json(each) for each in found.tokens]}
        show_json(_in_json(found.user) | held)
        return
    fields, tokens = _fields(found), [_token_cells(each) for each in found.tokens]
    if not terminal.is_shown():
        _lines([*fields.items(), *(("token", *cells) for cells in tokens)])
        return
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {clean(value) or ''}")
    if tokens:
        click.echo()
        _table(_TOKEN, tokens)


def in_the_way(found: Sequence[Holding]) -> None:
    """Tokens that keep something from being deleted: part of the refusal, so on standard error."""
    _table(("login", *_TOKEN), [[each.login, *_token_cells(each.token)] for each in found], err=True)


def live(number: int) -> str:
    """So many live tokens, in words."""
    return "1 live token" if number == 1 else f"{number:,} live tokens"


def guesses(failures: Failures) -> str:
    """Failed guesses in a row, in words."""
    return "1 failed guess" if failures.count == 1 else f"{failures.count:,} failed guesses"


def _fields(found: Person) -> Mapping[str, str]:
    user, failures = found.user, found.failures
    told = "none" if failures is None else f"{failures.count:,}, last {stamp(failures.last_at)}"
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "role": user.role.value,
        "customer": f"{found.customer.name} ({found.customer.id})",
        "one-time code": _cell(user.two_factor),
        "locked": _cell(user.locked),
        "failed guesses": f"{told}: the login is locked" if guess.is_locked(failures) else told,
        "created": stamp(user.created_at) or "",
        "changed": stamp(user.updated_at) or "",
        "live tokens": f"{len(found.tokens):,}",
    }


_TOKEN = ("id", "name", "scope", "services", "last used")


def _token_cells(token: Token) -> list[str]:
    used = "never" if token.last_use is None else stamp(token.last_use.at) or ""
    return [token.id, token.name, str(token.scope), ",".join(token.services) or "all", used]


def token_in_json(token: Token) -> dict[str, Any]:
    """Without whose it is."""
    use = token.last_use
    return {
        "id": token.id,
        "name": token.name,
        "scope": str(token.scope),
        "services": token.services,
        "created_at": stamp(token.created_at),
        "expires_at": stamp(token.expires_at),
        "last_used_at": None if use is None else stamp(use.at),
        "ip": None if use is None else use.ip,
        "user_agent": None if use is None else use.user_agent,
    }


# Any: what the fields of a record hold.
def _in_json(record: _Record | Failures) -> dict[str, Any]:
    fields = msgspec.to_builtins(record)
    return {name: stamp(value) if name.endswith("_at") else value for name, value in fields.items()}


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    if not terminal.is_shown(err=err):
        _lines(rows, err=err)
        return
    table = [columns, *([clean(cell) or "" for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), err=err)


def _lines(rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    click.echo("".join("\t".join(clean(cell) or "" for cell in row) + "\n" for row in rows), nl=False, err=err)
