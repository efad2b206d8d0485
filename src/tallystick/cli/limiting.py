"""A token's own limits on the command line: as options, and the commands that show and change them and what they report."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import msgspec

from tallystick.cli import issuing, limited, moments, output, terminal
from tallystick.cli.connect import api, as_json, connected
from tallystick.cli.heard import everywhere
from tallystick.client.errors import clean
from tallystick.client.models import Limits, TokenLimits, TokenShadow
from tallystick.client.sync import TokensApi
from tallystick.core.limits import Limit

C = TypeVar("C", bound=Callable[..., None])

_NAMES: Final = click.Choice([limit.value for limit in Limit])
_NUMBER: Final = click.IntRange(1)
_OPTIONS: Final = (
    click.option(
        "--network",
        "networks",
        multiple=True,
        metavar="CIDR",
        help="It may come from there, such as 192.0.2.0/24; repeat for more.",
    ),
    click.option(
        "--not-before",
        callback=moments.ahead,
        metavar="WHEN",
        help="It holds from then on: RFC 3339, or 2h, 1d from now.",
    ),
    click.option(
        "--rule",
        "rules",
        multiple=True,
        metavar="RULE",
        help="It is for these requests, such as 'GET,POST /orders/*'; repeat for more.",
    ),
    click.option("--per-second", type=_NUMBER, metavar="N", help="So many requests in a second."),
    click.option("--per-minute", type=_NUMBER, metavar="N", help="So many requests in a minute."),
    click.option("--per-day", type=_NUMBER, metavar="N", help="So many requests in a day (UTC)."),
    click.option("--uses", type=_NUMBER, metavar="N", help="So many requests, ever."),
    click.option(
        "--shadow", multiple=True, type=_NAMES, help="This limit refuses nothing and only reports; repeat for more."
    ),
)


def options(command: C) -> C:
    """Give `command` the options that limit a token, under the names that the client has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(short_help="Show a token's own limits, or change them.")
@click.argument("token_id", metavar="ID")
@options
@click.option("--enforce", multiple=True, type=_NAMES, help="This limit, which only reported, refuses from now on.")
@click.option("--drop", multiple=True, type=_NAMES, help="Take this limit away; repeat for more.")
@click.option("--clear", is_flag=True, help="Take all of them away.")
@issuing.proof
@as_json
@connected
# Any, here and below: values of options, each of the type that goes under that name.
def limits(
    token_id: str,
    enforce: tuple[str, ...],
    drop: tuple[str, ...],
    clear: bool,
    password_stdin: bool,
    otp: str | None,
    as_json: bool,
    url: str | None,
    token_file: Path | None,
    **wanted: Any,
) -> None:
    """Show what a token is limited to beyond scope, services and expiry; or change that.

    What you name becomes as you say, all else stays as it is.  Who may revoke a token may narrow it at once; to let it do
    more you prove by password who you are, and are asked for it.
    """
    asked = {name: value for name, value in wanted.items() if value not in (None, ())}
    if clear and (asked or enforce or drop):
        raise click.UsageError("--clear takes all limits away: nothing goes with it.")
    password = terminal.first_line() if password_stdin else None
    with api(TokensApi, url=url, token_file=token_file) as tokens:
        found = tokens.get_token_limits(token_id)
        if asked or enforce or drop or clear:
            wish = {} if clear else changed(found.limits, asked, enforce=enforce, drop=drop)
            set_ = partial(tokens.set_token_limits, token_id, **wish)
            found = issuing.proven(set_, password=password, otp=otp)
    _show_limits(found, as_json=as_json)


@click.command(short_help="Show what limits that only report would have refused.")
@click.argument("token_id", metavar="ID")
@as_json
@connected
def shadow(token_id: str, as_json: bool, **where: Any) -> None:
    """Show what a token's limits that only report would have refused since they were set: how often, and for whom.

    When nothing is left that should have been let in: tallystick token limits ID --enforce LIMIT.
    """
    with api(TokensApi, **where) as tokens:
        found = tokens.get_token_shadow(token_id)
    _show_shadow(found, as_json=as_json)


def changed(
    limits: Limits, asked: Mapping[str, Any], *, enforce: tuple[str, ...] = (), drop: tuple[str, ...] = ()
) -> dict[str, Any]:
    """All limits as they are to be: what is asked for in place of what there is, and the rest of that.

    Raises `UsageError` for a limit that is to be dropped, or to refuse from now on, and is not there.
    """
    was = msgspec.structs.asdict(limits)
    wish = was | dict(asked)
    if idle := [name for name in enforce if name not in limits.shadow]:
        raise click.UsageError(f"Not among those that only report: {', '.join(idle)}.")
    if missing := [name for name in drop if was[name] in (None, ())]:
        raise click.UsageError(f"It has no such limit: {', '.join(missing)}.")
    gone = {*enforce, *drop}
    silent = dict.fromkeys([*limits.shadow, *asked.get("shadow", ())])
    wish["shadow"] = [name for name in silent if name not in gone]
    return {name: value for name, value in wish.items() if name not in drop}


def _show_limits(found: TokenLimits, *, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
    else:
        spent = None if found.uses_spent is None else f"{found.uses_spent:,}"
        output.fields(("id", found.token_id), *limited.fields(found.limits), ("used", spent))
        if not limited.words(found.limits):
            output.note("It has no limits of its own.")
    if found.receipt is not None:
        output.note(f"Limited; {everywhere([found.receipt], what='known')}.")


def _show_shadow(found: TokenShadow, *, as_json: bool) -> None:
    if as_json:
        output.show_json(found)
        return
    rows = [
        (each.limit, each.detail, f"{each.count}", output.instant(each.last_at), each.ip, each.user_agent)
        for each in found.would_refuse
    ]
    if not sys.stdout.isatty():
        output.lines(rows)
        return
    if rows:
        _table(rows)
    total = sum(each.count for each in found.would_refuse)
    only = ", ".join(found.shadow).replace("_", " ") or "none"
    output.note(f"Only reporting: {only}.  Would have been refused: {total:,} request{'' if total == 1 else 's'}.")


def _table(rows: Sequence[Sequence[str | None]]) -> None:
    # Here, not above: as for other tables.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in ("LIMIT", "REQUEST", "TIMES", "LAST", "FROM", "BY"):
        table.add_column(title, justify="right" if title == "TIMES" else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell) or "") for cell in row))
    Console().print(table)
