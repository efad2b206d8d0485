"""`tallystick token`: the client's operations, for people and for scripts."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from tallystick.cli import ending, find, moments, output, rule, terminal
from tallystick.cli.speaking import NO_TOKEN, answer, api_of, connected, first_line, proven, proving
from tallystick.client.sync import TokensApi
from tallystick.core.errors import Invalid, TallystickError, Unauthenticated

BULK: Final = 1_000
"""Ids in one request: few enough that each is quick, and that a failure leaves most of the work done."""


@click.group(cls=ending.Commands)
def token() -> None:
    """Create, list, show and revoke tokens of a running service.

    The token to speak with is never given on the command line: it comes from --token-file, else from FASTLY_API_TOKEN,
    else you are asked for it.  The service is that of --url, else of TALLYSTICK_URL, else Fastly itself.

    \b
    Exit codes: 0 done · 1 failed · 2 usage · 3 no valid token · 4 forbidden
                5 not found · 6 invalid · 7 too often · 8 unavailable · 9 in the way
    """  # noqa: D301 - \b is click's sign for lines that are to be kept


_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@token.command()
@click.option("--name", help="What it is for, so that others recognise it in lists.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may do; repeat for more than one.")
@click.option("--service", "services", multiple=True, metavar="ID", help="A service it is limited to; repeat for more.")
@click.option(
    "--expires",
    callback=moments.ahead,
    metavar="WHEN",
    help="RFC 3339, or 90d, 12h, 30m, 2w from now.  Default: never.",
)
@click.option("--username", metavar="LOGIN", help="Login of the user; needed where there is no token yet.")
@proving
@_json
@connected
def create(
    name: str | None,
    scopes: tuple[str, ...],
    services: tuple[str, ...],
    expires: datetime | None,
    username: str | None,
    password_stdin: bool,
    otp: str | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Create a token.  Its secret goes to standard output, everything else to standard error.

    Who creates a token proves by password who they are: you are asked for it, and for a one-time code, when the service
    wants them.
    """
    password = first_line() if password_stdin else None
    with api_of(**where, may_be_without=True) as api:
        if not api.has_token and username is None:
            username = answer("Login", otherwise=Unauthenticated(f"{NO_TOKEN}, or --username."))
        if username is not None and password is None:
            password = answer("Password", otherwise=Invalid("A password is needed: give --password-stdin."), hide=True)
        wish = partial(
            api.create_token,
            name=name,
            scope=" ".join(scopes) or None,
            services=services,
            expires_at=expires,
            username=username,
        )
        output.show_issued(proven(wish, password, otp), as_json=as_json)


@token.command(name="list")
@click.option("--customer", metavar="ID", help="Those of all users of this customer, for superusers.")
@find.options
@_json
@connected
def list_(customer: str | None, as_json: bool, url: str | None, token_file: Path | None, **wanted: Any) -> None:
    """List your tokens, or those of them that you look for.

    A WHEN is a time in RFC 3339, a date (UTC), or so long ago: 30d, 12h, 30m, 2w.
    """
    with api_of(url=url, token_file=token_file) as api:
        found = find.tokens(api, customer, **wanted)
    output.show_tokens(found, with_user=customer is not None, as_json=as_json)


@token.command()
@click.argument("token_id", metavar="ID|self")
@_json
@connected
def show(token_id: str, as_json: bool, **where: Any) -> None:
    """Show one token, or the one you speak with."""
    with api_of(**where) as api:
        found = api.get_token_current() if token_id == "self" else api.get_token(token_id)
    output.show_token(found, as_json=as_json)


@token.command()
@_json
@connected
def whoami(as_json: bool, **where: Any) -> None:
    """Show whom the token you speak with speaks for."""
    with api_of(**where) as api:
        found = api.verify()
    output.show_identity(found, as_json=as_json)


@token.command(short_help="Revoke tokens by id, also many from standard input.")
@click.argument("ids", nargs=-1, metavar="[ID… | -]")
@click.option("--self", "itself", is_flag=True, help="The token you speak with.")
@click.option("--yes", is_flag=True, help="Do not ask before revoking more than one.")
@connected
def revoke(ids: tuple[str, ...], itself: bool, yes: bool, **where: Any) -> None:
    """Revoke tokens by id; with - the ids come from standard input, one a line."""
    if bool(ids) == itself:
        raise click.UsageError("Name the tokens to revoke by id, or say --self.")
    wanted = list(dict.fromkeys(_expanded(ids)))
    if len(wanted) > 1 and not yes:
        terminal.confirm(f"Revoke {output.count(len(wanted))}?")
    with api_of(**where) as api:
        if itself:
            api.revoke_token_current()
        else:
            _revoke(api, wanted)
    output.show_revoked(1 if itself else len(wanted), of=1 if itself else len(wanted))


def _revoke(api: TokensApi, ids: Sequence[str]) -> None:
    if len(ids) == 1:
        api.revoke_token(ids[0])
        return
    done = 0
    try:
        with output.progress(len(ids), "Revoking") as advance:
            for start in range(0, len(ids), BULK):
                some = ids[start : start + BULK]
                api.bulk_revoke_tokens(some)
                done += len(some)
                advance(len(some))
    except TallystickError:
        if done:
            output.show_revoked(done, of=len(ids))
        raise


def _expanded(ids: Sequence[str]) -> Iterator[str]:
    for each in ids:
        if each == "-":
            lines = (line.decode("ascii", "replace").strip() for line in sys.stdin.buffer)
            yield from (line for line in lines if line)
        else:
            yield each


token.add_command(rule.revoke_matching)
