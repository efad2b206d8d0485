"""`tallystick automation`: tokens that belong to a customer and to no person, made and looked after by superusers."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from tallystick.cli import ending, issuing, output, revoking, terminal
from tallystick.cli.connect import api, as_json, connected
from tallystick.client.sync import AutomationTokensApi, TokensApi
from tallystick.core.issue import AUTOMATION_ROLES


@click.group(cls=ending.Commands)
def automation() -> None:
    """Create, list, show and revoke automation tokens of a running service, as a superuser.

    They belong to nobody, and stay when whoever made them leaves.  Where to, with which token, and how it ends: see
    `tallystick token --help`.
    """


@automation.command()
@click.argument("name")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.value for role in AUTOMATION_ROLES]),
    help="What it may do, as the role of a user.",
)
@issuing.limits
@click.option("--tls-access", is_flag=True, help="It may manage certificates.")
@issuing.proof
@as_json
@connected
# Any, here and below: values of options, each of the type that goes under that name.
def create(
    name: str,
    role: str,
    tls_access: bool,
    password_stdin: bool,
    otp: str | None,
    as_json: bool,
    url: str | None,
    token_file: Path | None,
    **limits: Any,
) -> None:
    """Create an automation token.  Its secret goes to standard output, everything else to standard error.

    NAME says what it is for.  You prove by password who you are: you are asked for it, and for a one-time code, when the
    service wants them.
    """
    password = terminal.first_line() if password_stdin else None
    with api(AutomationTokensApi, url=url, token_file=token_file) as machines:
        wish = partial(machines.create_automation_token, name=name, role=role, tls_access=tls_access, **limits)
        output.show_issued(issuing.proven(wish, password=password, otp=otp), as_json=as_json)


@automation.command(name="list")
@as_json
@connected
def list_(as_json: bool, **where: Any) -> None:
    """List the automation tokens of your customer, the oldest first."""
    with api(AutomationTokensApi, **where) as machines:
        found = machines.list_automation_tokens()
    output.show_tokens(found, columns=output.AUTOMATION, as_json=as_json)


@automation.command()
@click.argument("token_id", metavar="ID")
@as_json
@connected
def show(token_id: str, as_json: bool, **where: Any) -> None:
    """Show one automation token."""
    with api(AutomationTokensApi, **where) as machines:
        found = machines.get_automation_token_id(token_id)
    output.show_token(found, as_json=as_json)


@automation.command(short_help="Revoke automation tokens by id, also many from standard input.")
@click.argument("ids", nargs=-1, required=True, metavar="ID… | -")
@revoking.yes
@connected
def revoke(ids: tuple[str, ...], yes: bool, **where: Any) -> None:
    """Revoke automation tokens by id; with - the ids come from standard input, one a line."""
    wanted = revoking.wanted(ids, yes=yes)
    # Ends there are the same for every kind of token, and only there many go in one request.
    with api(TokensApi, **where) as tokens:
        revoking.revoke(tokens, wanted)
