"""Where to, and as whom: what all commands that speak to a running service have in common.

A secret is never taken from the command line, where every user of the machine could read it: it comes from FASTLY_API_TOKEN,
from a file, or from whoever sits at the terminal.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import click

from tallystick.cli import terminal
from tallystick.client._token_file import read_token
from tallystick.client.sync._api import Api
from tallystick.core.errors import Unauthenticated
from tallystick.core.secret import Secret

A = TypeVar("A", bound=Api)
B = TypeVar("B", bound=Api)
C = TypeVar("C", bound=Callable[..., None])

NO_TOKEN: Final = "There is no token: set FASTLY_API_TOKEN, or give --token-file"


def connected(command: C) -> C:
    """Give `command` the options that say where to and as whom: see `api`."""
    options = (
        click.option("--url", metavar="URL", help="Address of the service, such as https://tokens.example.com."),
        click.option(
            "--token-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A file that holds the token to speak with, and nothing else.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def api(kind: type[A], *, url: str | None, token_file: Path | None, may_be_without: bool = False) -> A:
    """A client that speaks with the token of the file, else of the environment, else of whoever is asked.

    `may_be_without`: nobody is asked, because the command can be done by password.
    """
    return _speaking(kind, url=url, token_file=token_file, may_be_without=may_be_without)[0]


def apis(one: type[A], other: type[B], *, url: str | None, token_file: Path | None) -> tuple[A, B]:
    """Two clients that speak with the same token: nobody is asked for it twice."""
    client, token = _speaking(one, url=url, token_file=token_file)
    return client, other(token, url=url)


def _speaking(
    kind: type[A], *, url: str | None, token_file: Path | None, may_be_without: bool = False
) -> tuple[A, Secret | str | None]:
    """A client, and what it was given to speak with."""
    token: Secret | str | None = None if token_file is None else read_token(token_file)
    client = kind(token, url=url)
    if client.has_token or may_be_without:
        return client, token
    client.close()
    token = terminal.answer("Token", otherwise=Unauthenticated(f"{NO_TOKEN}."), hide=True)
    return kind(token, url=url), token
