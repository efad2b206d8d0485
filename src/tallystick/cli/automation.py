"""`tallystick automation`: tokens that belong to a customer and to no person, made and looked after by superusers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from tallystick.cli import ending, issuing, limiting, output, revoking, terminal
from tallystick.cli.connect import api, apis, as_json, connected
from tallystick.client.sync import AutomationTokensApi, TokensApi
from tallystick.core.errors import NotFound
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
@limiting.options
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
    """Revoke automation tokens by id; with - the ids come from standard input, one a line.

    When the token of a person is among them nothing is revoked.
    """
    wanted = revoking.wanted(ids, yes=yes)
    machines, tokens = apis(AutomationTokensApi, TokensApi, **where)
    with machines, tokens:
        if len(wanted) > 1:
            _require_automation(machines, tokens, wanted)
        # Only among all tokens many go in one request.
        revoking.revoke(wanted, one=machines.revoke_automation_token_id, many=tokens.bulk_revoke_tokens)


automation.add_command(limiting.limits)
automation.add_command(limiting.shadow)


def _require_automation(machines: AutomationTokensApi, tokens: TokensApi, ids: Sequence[str]) -> None:
    """Raise `NotFound` when a person's token is among them.  One that is over is none: a list may be sent again."""
    listed = {each.id for each in machines.iter_automation_tokens()}
    people = [each for each in ids if each not in listed and _is_persons(tokens, each)]
    if people:
        raise NotFound(f"No automation token: {', '.join(people)}.", detail="Nothing was revoked.")


def _is_persons(tokens: TokensApi, token_id: str) -> bool:
    try:
        return tokens.get_token(token_id).user_id is not None
    except NotFound:
        return False
