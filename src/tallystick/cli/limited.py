"""A token's own limits, in words."""

from collections.abc import Iterator
from typing import Final

from tallystick.client.models import Limits

_ONLY: Final = "only reported"
_COUNTS: Final = {
    "per_second": "requests a second",
    "per_minute": "requests a minute",
    "per_day": "requests a day",
    "uses": "requests ever",
}
_SAID: Final = {name.replace("_", " ") for name in _COUNTS}  # whose words say it already


def fields(limits: Limits | None) -> Iterator[tuple[str, str]]:
    """Name and words of each that is there."""
    if limits is None:
        return
    for name, words in _all(limits):
        told = f"{words} ({_ONLY})" if name in limits.shadow else words
        yield name.replace("_", " "), told


def words(limits: Limits | None) -> str:
    """All of them in one line; nothing where there are none."""
    return "; ".join(told if name in _SAID else f"{name} {told}" for name, told in fields(limits))


def names(limits: Limits | None) -> str:
    """Which there are, at a glance; in brackets those that only report."""
    if limits is None:
        return ""
    each = (f"({name})" if name in limits.shadow else name for name, _ in _all(limits))
    return ", ".join(each).replace("_", " ")


def _all(limits: Limits) -> Iterator[tuple[str, str]]:
    if limits.networks:
        yield "networks", ", ".join(limits.networks)
    if limits.not_before is not None:
        yield "not_before", limits.not_before.isoformat().replace("+00:00", "Z")
    if limits.rules:
        yield "rules", ", ".join(limits.rules)
    for name, unit in _COUNTS.items():
        size: int | None = getattr(limits, name)
        if size is not None:
            yield name, f"{size:,} {unit if size > 1 else unit.replace('requests', 'request')}"
