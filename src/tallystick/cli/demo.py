"""`tallystick demo`: one command from nothing to a service that official clients can talk to."""

from pathlib import Path
from typing import Final

import click
import msgspec

from tallystick.cli import serve, settings, world
from tallystick.cli.keyfile import reason, replace_private
from tallystick.cli.settings import Scraping
from tallystick.cli.worker import Plan
from tallystick.cli.world import World
from tallystick.core.errors import Invalid


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    default="tallystick-demo",
    show_default=True,
    help="Where the world is kept.",
)
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    help="Write addresses, logins, passwords and tokens to this file, as NAME=value, once the service answers;"
    " default: env, in the directory.",
)
@click.option(
    settings.option("database"),
    metavar="TEXT",
    help="Keep the people and tokens here, in place of a file in the directory: `postgresql://USER:PASSWORD@HOST/DATABASE`,"
    f" new, or this world's.  [{settings.variable('database')}]",
)
@settings.options("port", "workers", "writes_per_hour", "hashing", "trusted_proxies")
def demo(directory: Path, env_file: Path | None, **flags: str | None) -> None:
    """Start a small world to try things in, on 127.0.0.1.  It is made once; a second start finds it as it was.

    Its passwords and tokens are shown on the terminal and kept in a file: never put it on a network.
    """
    places = {"key_file": str(directory / world.KEY_FILE), "host": "127.0.0.1"}
    given = settings.read(
        {**flags, **places},
        {"port": "8080", "workers": "1", "database": world.database_in(directory)},
    )
    made = world.world_in(directory, database=given.database, hashing=given.hashing)
    told = env_file or directory / "env"
    _clear(told)

    def announce(url: str) -> None:
        _write(told, environment(url, made))
        click.echo(welcome(url, made, directory), nl=False)

    plan = Plan(
        given.database,
        given.key_file,
        given.hashing,
        given.writes_per_hour,
        Scraping.TOKEN,
        trusted_proxies=given.trusted_proxies,
    )
    serve.run(plan, host=given.host, port=given.port, workers=given.workers, announce=announce)


def environment(url: str, made: World) -> str:
    """What `--env-file` gets: no value needs quoting, in any shell."""
    lines = [f"API_URL={url}", *(f"{name.upper()}={value}" for name, value in msgspec.structs.asdict(made).items())]
    return "\n".join(lines) + "\n"


def welcome(url: str, made: World, directory: Path) -> str:
    """What the terminal shows."""
    return _WELCOME.format(url=url, directory=directory, **msgspec.structs.asdict(made))


def _clear(env_file: Path) -> None:
    """An older file would tell whoever waits for it that the service answers already."""
    if not env_file.parent.is_dir():
        raise Invalid(f"{env_file} cannot be written: there is no directory {env_file.parent}")
    try:
        env_file.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{env_file} cannot be replaced: {reason(error)}") from error


def _write(env_file: Path, text: str) -> None:
    try:
        replace_private(env_file, text)
    except OSError as error:
        raise Invalid(f"{env_file} cannot be written: {reason(error)}") from error


_WELCOME: Final = """\
Tallystick listens on {url}

  A small world to try things in, kept in {directory}.  It is no secret: all of
  it is shown here.  For the real thing: tallystick init, then tallystick serve.

  superuser   {superuser_login}
              password {superuser_password}   token {superuser_token}
  user        {user_login}
              password {user_password}   token {user_token}
  with 2FA    {otp_login}
              password {otp_password}   token {otp_token}
              secret for an authenticator app: {otp_secret}
  customer    {customer_id}
  services    {service_1}   {service_2}

In a browser: {url}/console, with one of these logins and its password.

Try, in another terminal:

  API={url}
  TOKEN={user_token}

  What is this token?
    curl -H "Fastly-Key: $TOKEN" $API/tokens/self

  One more, by login and password:
    curl $API/tokens -d username={user_login} -d password={user_password} -d name=mine -d scope=global

  All of this user's:
    curl -H "Fastly-Key: $TOKEN" $API/tokens

  Everybody's, as the superuser:
    curl -H "Fastly-Key: {superuser_token}" $API/customer/{customer_id}/tokens

  Revoke one, by its id:
    curl -X DELETE -H "Fastly-Key: $TOKEN" $API/tokens/ID

  Fastly's own command line, as it is:
    FASTLY_API_ENDPOINT=$API FASTLY_ACCOUNT_ENDPOINT=$API FASTLY_API_TOKEN=$TOKEN fastly auth-token list

Ctrl-C stops it.  A second start finds everything as it was.
"""
