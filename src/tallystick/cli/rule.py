"""`tallystick token revoke-matching`: all tokens of which something is true, after a look at how many those are."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from tallystick.cli import find, issuing, output, progress, terminal
from tallystick.cli.connect import api, as_json, connected
from tallystick.client.models import RevocationPlan
from tallystick.client.sync import TokensApi
from tallystick.core.revoke import Reason


@click.command(short_help="Revoke all tokens that are found by filters.")
@find.filters
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in Reason]),
    default=Reason.UNSPECIFIED.value,
    show_default=True,
    help="Why; it stands in the events.",
)
@click.option("--dry-run", is_flag=True, help="Only show how many there are, and some of them.")
@click.option("--yes", is_flag=True, help="Do not show and ask before.")
@issuing.proof
@as_json
@connected
def revoke_matching(
    reason: str,
    dry_run: bool,
    yes: bool,
    password_stdin: bool,
    otp: str | None,
    as_json: bool,
    url: str | None,
    token_file: Path | None,
    **filters: Any,
) -> None:
    """Revoke all tokens of your customer that are found by filters, for superusers.

    All of them at once or none; the token you speak with is spared.  You are asked for your password, and for a one-time
    code, when the service wants them.  A WHEN is a time in RFC 3339, a date (UTC), or so long ago: 30d, 12h, 30m, 2w.
    """
    wanted = {name: value for name, value in filters.items() if value is not None}
    if not wanted:
        raise click.UsageError("Say which tokens: with none of the filters it would be all.")
    if not (dry_run or yes or terminal.is_interactive()):
        raise click.UsageError("Nobody is here to be asked: say --yes, or --dry-run.")
    password = terminal.first_line() if password_stdin else None
    with api(TokensApi, url=url, token_file=token_file) as tokens:
        ask, what = partial(tokens.revoke_matching, reason=reason, **wanted), "Revoking"
        if dry_run or not yes:
            plan = issuing.proven(partial(ask, dry_run=True), password=password, otp=otp)
            output.show_plan(plan, as_json=as_json and dry_run, err=not dry_run)
            if dry_run or not plan.count:
                return
            terminal.confirm(f"Revoke {output.count(plan.count)}?")
            # The token was raised a moment ago, and a code works once.
            password, otp, what = None, None, f"Revoking {output.count(plan.count)}"
        done = issuing.proven(partial(_revoke, ask, what), password=password, otp=otp)
    output.show_revocation(done, as_json=as_json)


def _revoke(ask: Callable[..., RevocationPlan], what: str, **proof: str | None) -> RevocationPlan:
    with progress.waiting(what):
        return ask(dry_run=False, **proof)
