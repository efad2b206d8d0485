"""Instants on the command line: as RFC 3339, or so far from now."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_LENGTHS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def ahead(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """An instant, or so far in the future."""
    return None if value is None else _read(ctx, param, value, direction=1)


def ago(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """An instant, or so far in the past.  A date alone is its first instant, UTC."""
    if value is None:
        return None
    is_date = re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)
    return _read(ctx, param, f"{value}T00:00:00Z" if is_date else value, direction=-1)


def _read(ctx: click.Context, param: click.Parameter, value: str, *, direction: int) -> datetime:
    length = re.fullmatch(r"(\d{1,9})([mhdw])", value, re.ASCII)
    try:
        if length is not None:
            return datetime.now(UTC) + direction * timedelta(seconds=int(length[1]) * _LENGTHS[length[2]])
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError):
        hint = "is neither a length such as 90d or 12h nor a time such as 2031-01-01T00:00:00Z."
        raise click.BadParameter(f"{value!r} {hint}", ctx, param) from None
    if moment.tzinfo is None:
        raise click.BadParameter(f"{value!r} has no time zone: add Z for UTC, or +02:00.", ctx, param)
    return moment
