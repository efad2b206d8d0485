"""`tallystick admin copy`: everything into another database."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

import click

from tallystick import storage
from tallystick.cli import output, progress, terminal
from tallystick.cli.admin import options
from tallystick.storage.moving import Copied, move


@click.command(short_help="Copy everything into another, empty database.")
@click.argument("source")
@click.argument("target")
@options.in_json
def copy(source: str, target: str, as_json: bool) -> None:
    """Copy everything into another, empty database: from SQLite to PostgreSQL, or back, or to one of the same kind.

    SOURCE and TARGET are written as for --database.  Servers are stopped first; while it copies, none can write.  Interrupted,
    it is run again, and goes on where it was.  At the end all rows are compared, by number and digest; only then does the
    target work.  The source stays as it is: from then on it is a backup, and no longer to be served.

    In a pipe each table is a line with tabs: its name, the number of its rows, and their digest.
    """
    _show(asyncio.run(_copied(source, target)), as_json=as_json)


async def _copied(source: str, target: str) -> list[Copied]:
    storage.fingerprint(source)  # whether it is there at all, before something is made
    storage.prepare(target)
    async with (
        aclosing(await storage.open_house(source, to_read=True)) as ours,
        aclosing(await storage.open_house(target, to_read=False)) as theirs,
    ):
        return await move(ours, theirs, progress.steps)


def _show(copied: Sequence[Copied], *, as_json: bool) -> None:
    if as_json:
        output.show_json([each._asdict() for each in copied])
    elif terminal.is_shown():
        for each in copied:
            click.echo(f"{each.table:<14}{each.rows:>14,}  {each.digest}")
    else:
        output.lines((each.table, str(each.rows), each.digest) for each in copied)
    output.note("Everything is there, and the same.  Serve the target from now on, with the same key file.")
