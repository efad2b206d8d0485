"""How a command ends that fails: one line on standard error, and an exit code by kind of failure."""

from collections.abc import Mapping
from typing import Any, Final

import click

from tallystick.cli import sentence
from tallystick.core.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TallystickError,
    Throttled,
    Unauthenticated,
    Unavailable,
)

EXIT: Final[Mapping[type[TallystickError], int]] = {
    TallystickError: 1,
    Unauthenticated: 3,
    Forbidden: 4,
    NotFound: 5,
    Invalid: 6,
    Throttled: 7,
    Unavailable: 8,
    Conflict: 9,
}
"""0 is success, 2 is click's for a command line that makes no sense."""


class Command(click.Command):
    """A command that ends so."""

    def invoke(self, ctx: click.Context) -> Any:  # Any: what a command returns, which is nothing
        """What we raise on purpose becomes one line and an exit code; a traceback is always our bug."""
        try:
            return super().invoke(ctx)
        except TallystickError as error:
            ctx.exit(failed(error))


class Commands(Command, click.Group):
    """A group whose commands end so."""


def failed(error: TallystickError) -> int:
    """Say what went wrong, in one line, and return the exit code for it."""
    wait = f" Try again in {error.retry_after:.0f} s." if isinstance(error, Throttled) and error.retry_after else ""
    click.echo(f"tallystick: {sentence(error)}{wait}", err=True)
    return next(EXIT[kind] for kind in type(error).__mro__ if kind in EXIT)
