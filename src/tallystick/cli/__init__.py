"""What the operator touches.

    settings    every setting; the only reader of the environment
    serve       the composition root: settings, store, prover, app, server
    scope_file  the operator's file of scopes, read when the service starts
    worker      what one of its processes does
    demo        a world to try things in
    init        the real thing, made once: key file, database, first superuser
    admin       people, services, passwords and one-time codes, straight in the database
    tokens      `tallystick token`, over the client
    automation  `tallystick automation`, the same for tokens that belong to nobody
    explaining  `tallystick explain`, why a request was refused
    scopes      `tallystick scopes`, the same for what tokens can be made with
    proxy_config  the configuration of a gateway in front of an API, from templates in gateways/

Importing this imports no command: `tallystick token` works where the server's packages are not installed.
"""

import importlib
import sys
from typing import Final, NoReturn

import click
import msgspec

from tallystick.core.errors import TallystickError


class Entry(msgspec.Struct, frozen=True):
    """One command: where it is, and what it is for.  `server`: whether it needs the packages of `tallystick[server]`."""

    path: str
    summary: str
    server: bool


COMMANDS: Final = {
    "init": Entry("tallystick.cli.init:init", "Make the key file, the database and the first superuser.", server=True),
    "serve": Entry("tallystick.cli.serve:serve", "Answer requests until stopped.", server=True),
    "admin": Entry("tallystick.cli.admin:admin", "Customers, users, services, passwords, one-time codes.", server=True),
    "demo": Entry("tallystick.cli.demo:demo", "Start a small world to try things in.", server=True),
    "token": Entry(
        "tallystick.cli.tokens:token", "Create, list, show and revoke tokens of a running service.", server=False
    ),
    "automation": Entry(
        "tallystick.cli.automation:automation",
        "Create, list, show and revoke automation tokens of a running service.",
        server=False,
    ),
    "explain": Entry("tallystick.cli.explaining:explain", "Say why a running service refused a request.", server=False),
    "scopes": Entry(
        "tallystick.cli.scopes:scopes", "List the scopes that a token can have, and define your own.", server=False
    ),
    "proxy-config": Entry(
        "tallystick.cli.proxy_config:proxy_config",
        "Print the configuration of a gateway that asks first.",
        server=False,
    ),
    "completion": Entry(
        "tallystick.cli.completion:completion", "Print the completion script for a shell.", server=False
    ),
}

_OURS: Final = __name__.partition(".")[0]
_TO_INSTALL: Final = "pip install 'tallystick[server]'"


class Missing(TallystickError):
    """A command needs packages that are not installed."""


class _Lazily(click.Group):
    """Imports a command when it is called, and none of them to list them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else _load(cmd_name, entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=_Lazily, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tallystick", message="%(package)s %(version)s")
def cli() -> None:
    """Issue, inspect, verify, list and revoke API tokens: a service of your own that speaks Fastly's Tokens API."""


def main() -> NoReturn:
    """The program `tallystick`.  What we raise on purpose becomes one line on stderr; a traceback is always our bug."""
    try:
        cli(prog_name="tallystick")
    except TallystickError as error:
        click.echo(f"tallystick: {sentence(error)}", err=True)
        sys.exit(1)
    sys.exit(0)


def sentence(error: TallystickError) -> str:
    """An error on one line: what is wrong and, when there is more to say, what with."""
    return error.msg if error.detail is None else f"{error.msg} ({error.detail})"


def _load(name: str, entry: Entry) -> click.Command:
    module, _, attribute = entry.path.partition(":")
    try:
        command = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if not entry.server or error.name is None or error.name.partition(".")[0] == _OURS:
            raise
        return _not_installed(name, entry, error.name)
    if not isinstance(command, click.Command):
        raise TypeError(f"{entry.path} is no command")
    return command


def _not_installed(name: str, entry: Entry, package: str) -> click.Command:
    """A command that says what is missing when it is called, and is listed and completed like the others."""

    def explain(**_: object) -> NoReturn:
        raise Missing(f"`tallystick {name}` needs the package {package}, which is not installed: {_TO_INSTALL}")

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=explain, short_help=entry.summary, context_settings=settings)
