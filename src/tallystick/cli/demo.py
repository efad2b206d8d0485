"""`tallystick demo`: one command from nothing to a service that official clients can talk to."""

from pathlib import Path

import click
import msgspec

from tallystick.cli import serve, settings, world
from tallystick.cli.keyfile import reason, replace_private
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
    help="Write addresses, logins, passwords and tokens to this file, as NAME=value, once the service answers.",
)
@settings.options("port", "workers", "hashing")
def demo(directory: Path, env_file: Path | None, **flags: str | None) -> None:
    """Start a small world to try things in, on 127.0.0.1.  It is made once; a second start finds it as it was.

    Its passwords and tokens are shown on the terminal and kept in a file: never put it on a network.
    """
    places = {
        "database": world.database_in(directory),
        "key_file": str(directory / world.KEY_FILE),
        "host": "127.0.0.1",
    }
    given = settings.read(
        {"port": "8080", "workers": "1", **{k: v for k, v in flags.items() if v is not None}, **places}
    )
    made = world.world_in(directory, hashing=given.hashing)
    if env_file is not None:
        _clear(env_file)

    def announce(url: str) -> None:
        if env_file is not None:
            _write(env_file, environment(url, made))
        click.echo(welcome(url, made, directory))

    plan = Plan(given.database, given.key_file, given.hashing)
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
    try:
        env_file.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{env_file} cannot be replaced: {reason(error)}") from error


def _write(env_file: Path, text: str) -> None:
    try:
        replace_private(env_file, text)
    except OSError as error:
        raise Invalid(f"{env_file} cannot be written: {reason(error)}") from error


_WELCOME = """\
Tallystick listens on {url}

  This world is for trying things out, and all its secrets are shown here.  It is kept in {directory};
  remove that directory for a new one.  For the real thing: tallystick init, then tallystick serve.

               login                  password              token
  superuser    {superuser_login}  {superuser_password}  {superuser_token}
  user         {user_login}       {user_password}  {user_token}
  with 2FA     {otp_login}        {otp_password}  {otp_token}
               one-time secret, for any authenticator app: {otp_secret}

  customer {customer_id}, services {service_1} and {service_2}

Try, in another terminal:

  Use a token, and see what it is
    curl -H 'Fastly-Key: {user_token}' {url}/tokens/self

  Issue one: a password, or a token after POST /sudo
    curl {url}/tokens -d username={user_login} -d password={user_password} -d name=mine -d scope=global

  List those of everybody, as the superuser
    curl -H 'Fastly-Key: {superuser_token}' {url}/customer/{customer_id}/tokens

  Revoke one, and use it once more
    curl -X DELETE -H 'Fastly-Key: {superuser_token}' {url}/tokens/ID

  Or with Fastly's own command line, as it is
    FASTLY_API_ENDPOINT={url} FASTLY_ACCOUNT_ENDPOINT={url} FASTLY_API_TOKEN={user_token} fastly auth-token list

Ctrl-C stops it; a second start finds everything as it was.
"""
