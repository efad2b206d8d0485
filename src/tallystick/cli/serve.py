"""The composition root: settings, key file, database, port, then the workers.

Everything that can be wrong is looked at here, in the parent, before anything is started.
"""

from collections.abc import Callable

import click
from msgspec.structs import replace

from tallystick.cli import scope_file, settings
from tallystick.cli.database import require_ours
from tallystick.cli.keyfile import load_keys
from tallystick.cli.listen import reserved
from tallystick.cli.offline import Office
from tallystick.cli.scratch import shared_directory
from tallystick.cli.settings import Settings
from tallystick.cli.supervise import supervise
from tallystick.cli.worker import Plan
from tallystick.core.scopes import Defined


@click.command()
@settings.options(
    "database",
    "database_replica",
    "key_file",
    "host",
    "port",
    "workers",
    "writes_per_hour",
    "hashing",
    "metrics",
    "trusted_proxies",
    "scopes",
)
def serve(**flags: str | None) -> None:
    """Answer requests until stopped by Ctrl-C or SIGTERM.  `tallystick init` comes first, once."""
    given = settings.read(flags)
    if given.scopes is not None:
        _put_scopes(given, scope_file.read(given.scopes))
    run(
        Plan(
            given.database,
            given.key_file,
            given.hashing,
            given.writes_per_hour,
            given.metrics,
            replica=given.database_replica,
            trusted_proxies=given.trusted_proxies,
        ),
        host=given.host,
        port=given.port,
        workers=given.workers,
        announce=lambda url: click.echo(f"Tallystick listens on {url}"),
    )


def _put_scopes(given: Settings, scopes: tuple[Defined, ...]) -> None:
    """Have these count for all.  Whoever answers by others, on another node, has heard of it when this returns."""
    keys = load_keys(given.key_file)
    require_ours(given.database, keys)
    Office(given.database, keys, given.hashing).run(lambda desk: desk.store.catalogues.put_for_all(scopes, by=desk.by))


def run(plan: Plan, *, host: str, port: int, workers: int, announce: Callable[[str], None]) -> None:
    """Serve until told to stop.  `announce` hears the URL once requests are answered."""
    require_ours(plan.database, load_keys(plan.key_file))
    with reserved(host, port) as address, shared_directory() as shared:
        supervise(replace(plan, shared=shared), address, workers=workers, announce=lambda: announce(address.url))
