"""What all commands that create a token have in common: its limits as options, and the proof that is asked for."""

from collections.abc import Callable
from typing import Final, TypeVar

import click

from tallystick.cli import moments, output, terminal
from tallystick.client.errors import NEEDS_OTP, NEEDS_SUDO
from tallystick.core.errors import Forbidden, Invalid

C = TypeVar("C", bound=Callable[..., None])
T = TypeVar("T")

_CODES_ASKED: Final = 3
"""A code may be mistyped or run out; who has none will not find it by guessing."""


def _joined(ctx: click.Context, param: click.Parameter, scopes: tuple[str, ...]) -> str | None:  # noqa: ARG001 - click's signature
    return " ".join(scopes) or None


_LIMITS: Final = (
    click.option(
        "--scope", callback=_joined, multiple=True, metavar="SCOPE", help="What it may do; repeat for more than one."
    ),
    click.option(
        "--service", "services", multiple=True, metavar="ID", help="A service it is limited to; repeat for more."
    ),
    click.option(
        "--expires",
        "expires_at",
        callback=moments.ahead,
        metavar="WHEN",
        help="RFC 3339, or 90d, 12h, 30m, 2w from now.  Default: never.",
    ),
)
_PROOF: Final = (
    click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input instead of the terminal."
    ),
    click.option("--otp", metavar="CODE", help="One-time code of a user with two-factor authentication."),
)


def limits(command: C) -> C:
    """Give `command` the options that say what the token may do, where and how long, under the names that the client has."""
    for option in reversed(_LIMITS):
        command = option(command)
    return command


def proof(command: C) -> C:
    """Give `command` the options by which somebody proves who they are: see `proven`."""
    for option in reversed(_PROOF):
        command = option(command)
    return command


def proven(wish: Callable[..., T], *, password: str | None, otp: str | None) -> T:
    """What `wish` returns when the proof is there; asks for what the service misses as long as somebody is there to answer."""
    asked = 0
    while True:
        try:
            return wish(password=password, otp=otp)
        except Forbidden as error:
            if password is not None or NEEDS_SUDO not in error.msg:
                raise
            error.detail = "Give the password with --password-stdin."
            password = terminal.answer("Password", otherwise=error, hide=True)
        except Invalid as error:
            if error.code != NEEDS_OTP:
                raise
            needed = Invalid("A current one-time code is needed: give --otp.", code=NEEDS_OTP, status=error.status)
            if asked == _CODES_ASKED:
                raise needed from error
            if otp is not None and terminal.is_interactive():
                output.note("That code is wrong, or was used before.")
            otp = terminal.answer("One-time code", otherwise=needed)
            asked += 1
