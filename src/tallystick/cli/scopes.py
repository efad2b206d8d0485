"""`tallystick scopes`: what a token can be made with, for everybody to see and for superusers to define."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from tallystick.cli import ending, issuing, output, revoking, terminal
from tallystick.cli.connect import api, as_json, connected
from tallystick.client.errors import clean
from tallystick.client.models import ScopeDefinition
from tallystick.client.sync import ScopesApi
from tallystick.core.people import Role

_COLUMNS: Final = ("NAME", "INCLUDES", "FOR", "DESCRIPTION")
_ROLES: Final = [role.value for role in Role if role is not Role.SUPERUSER]


@click.group(cls=ending.Commands)
def scopes() -> None:
    """List the scopes that a token can have, and define, change and delete your own, as a superuser.

    Where to, with which token, and how it ends: see `tallystick token --help`.
    """


@scopes.command(name="list")
@as_json
@connected
def list_(as_json: bool, **where: Any) -> None:
    """List the scopes, those that are built in first: name, what it includes, who may have it, what it is for."""
    with api(ScopesApi, **where) as definitions:
        found = definitions.list_scopes()
    if as_json:
        output.show_json(found)
    elif sys.stdout.isatty():
        _table(found)
    else:
        output.lines(map(_cells, found))


@scopes.command(name="set", short_help="Define a scope, or define it otherwise.")
@click.argument("name")
@click.option("--description", default="", help="What it lets a token do, for whoever makes one.")
@click.option("--include", "includes", multiple=True, metavar="SCOPE", help="Who has it has this too; repeat for more.")
@click.option(
    "--role", "roles", multiple=True, type=click.Choice(_ROLES), help="Who may have it, beside superusers; repeat."
)
@issuing.proof
@connected
def set_(
    name: str,
    description: str,
    includes: tuple[str, ...],
    roles: tuple[str, ...],
    password_stdin: bool,
    otp: str | None,
    url: str | None,
    token_file: Path | None,
) -> None:
    """Define a scope, in place of what had its name: what is not said here it has no more.

    NAME is an area and what may be done in it, such as orders:read.  Tokens that carry it give what it says from then on.
    """
    password = terminal.first_line() if password_stdin else None
    with api(ScopesApi, url=url, token_file=token_file) as definitions:
        wish = partial(definitions.put_scope, name, description=description, includes=includes, roles=roles)
        made = issuing.proven(wish, password=password, otp=otp)
    _, included, allowed, _ = _cells(made)
    output.note(f"{made.name} is defined: for {allowed}{f'; includes {included}' if included else ''}.")


@scopes.command(short_help="Delete a scope that no live token carries.")
@click.argument("name")
@revoking.yes
@issuing.proof
@connected
def delete(
    name: str, yes: bool, password_stdin: bool, otp: str | None, url: str | None, token_file: Path | None
) -> None:
    """Delete a scope, unless live tokens carry it or other scopes include it."""
    password = terminal.first_line() if password_stdin else None
    if not yes:
        terminal.confirm(f"Delete the scope {name}?")
    with api(ScopesApi, url=url, token_file=token_file) as definitions:
        issuing.proven(partial(definitions.delete_scope, name), password=password, otp=otp)
    output.note(f"{name} is deleted.")


def _cells(scope: ScopeDefinition) -> Sequence[str]:
    return scope.name, " ".join(scope.includes), " ".join(scope.roles), scope.description


def _table(found: Sequence[ScopeDefinition]) -> None:
    # Here, not above: as for other tables.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*_COLUMNS, box=None, padding=(0, 2, 0, 0), header_style="bold")
    for each in found:
        table.add_row(*(Text(clean(cell) or "") for cell in _cells(each)))
    Console().print(table)
