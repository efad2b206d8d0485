"""`tallystick token`: the client's operations, for people and for scripts."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from tallystick.cli import ending, find, issuing, limiting, output, revoking, rule, terminal, usage
from tallystick.cli.connect import NO_TOKEN, api, as_json, connected
from tallystick.client.sync import TokensApi
from tallystick.core.errors import Invalid, Unauthenticated


@click.group(cls=ending.Commands)
def token() -> None:
    """Create, list, show and revoke tokens of a running service.

    The token to speak with is never given on the command line: it comes from --token-file, else from FASTLY_API_TOKEN,
    else you are asked for it.  The service is that of --url, else of TALLYSTICK_URL, else Fastly itself.

    \b
    Exit codes: 0 done · 1 failed · 2 usage · 3 no valid token · 4 forbidden
                5 not found · 6 invalid · 7 too often · 8 unavailable · 9 in the way
    """  # noqa: D301 - \b is click's sign for lines that are to be kept


@token.command()
@click.option("--name", help="What it is for, so that others recognise it in lists.")
@issuing.limits
@limiting.options
@click.option("--username", metavar="LOGIN", help="Login of the user; needed where there is no token yet.")
@issuing.proof
@as_json
@connected
# Any, here and below: values of options, each of the type that goes under that name.
def create(
    name: str | None,
    username: str | None,
    password_stdin: bool,
    otp: str | None,
    as_json: bool,
    url: str | None,
    token_file: Path | None,
    **limits: Any,
) -> None:
    """Create a token.  Its secret goes to standard output, everything else to standard error.

    Who creates a token proves by password who they are: you are asked for it, and for a one-time code, when the service
    wants them.
    """
    password = terminal.first_line() if password_stdin else None
    with api(TokensApi, url=url, token_file=token_file, may_be_without=True) as tokens:
        if not tokens.has_token and username is None:
            username = terminal.answer("Login", otherwise=Unauthenticated(f"{NO_TOKEN}, or --username."))
        if username is not None and password is None:
            needed = Invalid("A password is needed: give --password-stdin.")
            password = terminal.answer("Password", otherwise=needed, hide=True)
        wish = partial(tokens.create_token, name=name, username=username, **limits)
        output.show_issued(issuing.proven(wish, password=password, otp=otp), as_json=as_json)


@token.command(name="list")
@click.option("--customer", metavar="ID", help="Those of all users of this customer, for superusers.")
@find.options
@as_json
@connected
def list_(customer: str | None, as_json: bool, url: str | None, token_file: Path | None, **wanted: Any) -> None:
    """List your tokens, or those of them that you look for.

    A WHEN is a time in RFC 3339, a date (UTC), or so long ago: 30d, 12h, 30m, 2w.
    """
    with api(TokensApi, url=url, token_file=token_file) as tokens:
        found = find.tokens(tokens, customer, **wanted)
    output.show_tokens(found, columns=output.OWN if customer is None else output.OF_ALL, as_json=as_json)


@token.command()
@click.argument("token_id", metavar="ID|self")
@as_json
@connected
def show(token_id: str, as_json: bool, **where: Any) -> None:
    """Show one token, or the one you speak with."""
    with api(TokensApi, **where) as tokens:
        found = tokens.get_token_current() if token_id == "self" else tokens.get_token(token_id)
    output.show_token(found, as_json=as_json)


@token.command(name="usage")
@click.argument("token_id", metavar="ID|self")
@click.option("--days", type=click.IntRange(1, usage.DAYS_MAX), default=1, show_default=True, help="So many up to now.")
@as_json
@connected
def usage_(token_id: str, days: int, as_json: bool, **where: Any) -> None:
    """Show how often a token was let in, and how often refused and why, by the hour; of more than two days by the day.

    Also of a token that was revoked: who still tries it, shows here.
    """
    with api(TokensApi, **where) as tokens:
        found = tokens.get_token_usage(token_id, since=usage.since(days))
    usage.show(found, as_json=as_json)


@token.command()
@as_json
@connected
def whoami(as_json: bool, **where: Any) -> None:
    """Show whom the token you speak with speaks for."""
    with api(TokensApi, **where) as tokens:
        found = tokens.verify()
    output.show_identity(found, as_json=as_json)


@token.command(short_help="Revoke tokens by id, also many from standard input.")
@click.argument("ids", nargs=-1, metavar="[ID… | -]")
@click.option("--self", "itself", is_flag=True, help="The token you speak with.")
@revoking.yes
@connected
def revoke(ids: tuple[str, ...], itself: bool, yes: bool, **where: Any) -> None:
    """Revoke tokens by id; with - the ids come from standard input, one a line."""
    if bool(ids) == itself:
        raise click.UsageError("Name the tokens to revoke by id, or say --self.")
    wanted = revoking.wanted(ids, yes=yes)
    with api(TokensApi, **where) as tokens:
        if itself:
            output.show_revoked(1, of=1, receipts=[tokens.revoke_token_current()])
        else:
            revoking.revoke(wanted, one=tokens.revoke_token, many=tokens.bulk_revoke_tokens)


@token.command(short_help="Show the receipt of a change again.")
@click.argument("seq", metavar="NUMBER", type=click.IntRange(1))
@as_json
@connected
def receipt(seq: int, as_json: bool, **where: Any) -> None:
    """Show again that everybody has heard of a change: when, how many verifiers, and what it was about.

    NUMBER is what the revocation said.  For what you changed yourself, and for superusers; kept for 30 days.
    """
    with api(TokensApi, **where) as tokens:
        found = tokens.get_receipt(seq)
    output.show_receipt(found, as_json=as_json)


token.add_command(rule.revoke_matching)
token.add_command(limiting.limits)
token.add_command(limiting.shadow)
