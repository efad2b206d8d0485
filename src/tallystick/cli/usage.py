"""`tallystick token usage`: how often a token was let in or not, as a table with a bar for each hour or day."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.cli import output
from tallystick.client.models import TokenUsage, UsageHour

if TYPE_CHECKING:
    from rich.text import Text

DAYS_MAX: Final = 31
_HOURS_SHOWN_MAX: Final = 48  # of more, a line for each day: a table that scrolls away shows nothing
_ROWS_MAX: Final = 49  # whatever a server says that it was asked for
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_COUNTED: Final = UsageHour.__struct_fields__[1:]
_ALLOWED: Final = "allowed"
_BAR_MAX: Final = 28  # so that the rest fits into 80 columns
_EIGHTHS: Final = ("", *"▏▎▍▌▋▊▉")


def since(days: int) -> datetime | None:
    """From when on, for so many days up to now; None for one, which the service takes anyway."""
    return None if days == 1 else datetime.now(UTC) - days * _DAY + _HOUR


def show(usage: TokenUsage, *, as_json: bool) -> None:
    """What was counted: for whoever looks a line for each hour or day, also for those in which nothing was."""
    if as_json:
        output.show_json(usage)
    elif sys.stdout.isatty():
        if usage.hours:
            _table(usage)
        output.note(f"Let in {usage.allowed:,} times, refused {usage.refused:,} times.")
    else:
        output.lines(_exact(each) for each in usage.hours)


def _exact(usage: UsageHour) -> list[str]:
    hour, *counts = msgspec.structs.astuple(usage)
    return [output.instant(hour), *map(str, counts)]


def _table(usage: TokenUsage) -> None:
    # Here, not above: as for other tables.
    from rich.console import Console
    from rich.table import Table

    console = Console()
    by_day = (usage.until - usage.since) / _HOUR > _HOURS_SHOWN_MAX
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("DAY (UTC)" if by_day else "HOUR (UTC)", no_wrap=True)
    table.add_column("ALLOWED", justify="right", no_wrap=True)
    table.add_column("REFUSED", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("", overflow="fold")
    rows = list(_rows(usage, _DAY if by_day else _HOUR))
    most = max(1, *(counts.total() for _, counts in rows))
    for began, counts in rows:
        told = f"{began:%Y-%m-%d}" if by_day else f"{began:%Y-%m-%d %H:%M}"
        refused = counts.total() - counts[_ALLOWED]
        why = ", ".join(f"{counts[name]:,} {name}" for name in _COUNTED if name != _ALLOWED and counts[name])
        bar = _bar(counts[_ALLOWED], refused, most=most, blocks=console.encoding.startswith("utf"))
        table.add_row(told, _number(counts[_ALLOWED]), _number(refused), bar, why)
    console.print(table)


def _rows(usage: TokenUsage, step: timedelta) -> Iterator[tuple[datetime, Counter[str]]]:
    """Every hour or day of the time that was asked for, with what was counted in it."""
    counts: dict[datetime, Counter[str]] = {}
    for each in usage.hours:
        told = {name: getattr(each, name) for name in _COUNTED}
        counts.setdefault(_began(each.hour, step), Counter()).update(told)
    began = _began(usage.since, step)
    for _ in range(_ROWS_MAX):
        if began >= usage.until:
            return
        yield began, counts.get(began, Counter())
        began += step


def _began(moment: datetime, step: timedelta) -> datetime:
    return moment.replace(hour=0 if step == _DAY else moment.hour, minute=0, second=0, microsecond=0)


def _number(count: int) -> str:
    return f"{count:,}" if count else "-"


def _bar(allowed: int, refused: int, *, most: int, blocks: bool) -> "Text":
    """How much it was against the busiest.  Whatever is not nothing can be seen."""
    from rich.text import Text

    full, cross = ("█", "█") if blocks else ("#", "x")
    red = -(-refused * _BAR_MAX // most)
    whole, eighths = divmod(-(-allowed * _BAR_MAX * 8 // most), 8)
    end = "" if red and whole else _EIGHTHS[eighths] if blocks else "#" * (eighths > 0)
    return Text.assemble((full * whole + end, "green"), (cross * red, "red"))
