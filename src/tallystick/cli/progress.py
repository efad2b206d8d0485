"""How far it is: on standard error, where somebody is looking, and nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """For one request that may take long: on a terminal how long it has taken, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield
        return
    # Here, not above: rich takes longer to import than the rest of the command, and a pipe needs none of it.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    # Without a total: how far the server is, it does not say.
    with Progress(*columns, console=Console(stderr=True)) as shown:
        shown.add_task(what, total=None)
        yield


@contextmanager
def steps(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere.  What it yields is called with every number of steps that are done."""
    with click.progressbar(length=total, label=what, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar.update
