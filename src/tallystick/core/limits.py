"""What a token is limited to beyond scope, services and expiry: from where, from when on, for what, and how often.

All of them must agree, with scope and services too.  Each can be `shadow`: then it refuses nothing, and what it would have
refused is reported (`shadow.py`).
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.core.access import Rule, host_of, normal_rule, read_rule, segments_of
from tallystick.core.errors import Invalid, Unprocessable
from tallystick.core.secret import redacted

NETWORKS_MAX: Final = 100  # of one token, and so many rules: each is looked at for each request
COUNT_MAX: Final = 1_000_000_000
TOO_MANY: Final = "This token has made all the requests that it may make for now"
NOT_FOR_THIS: Final = "This token is not for this request"
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Limit(StrEnum):
    """The limits, by the names of their fields."""

    NETWORKS = "networks"
    NOT_BEFORE = "not_before"
    RULES = "rules"
    PER_SECOND = "per_second"
    PER_MINUTE = "per_minute"
    PER_DAY = "per_day"
    USES = "uses"


RATES: Final = (Limit.PER_SECOND, Limit.PER_MINUTE, Limit.PER_DAY)
_SIZES: Final = (*RATES, Limit.USES)


class Limits(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Those of one token; what is not there does not limit it.  `checked` makes them; others are read as they were kept.

    `networks`: CIDR, v4 and v6.  `not_before`: ms since the epoch.  `rules`: `access.py`.  `per_second` and so on: requests
    within one second, minute or day (UTC) of the clock.  A kind that a later version has cannot be read here: who passed over it
    would let in what it refuses.  `uses`: requests, ever.  `shadow`: those that only report.
    """

    networks: tuple[str, ...] = ()
    not_before: int | None = None
    rules: tuple[str, ...] = ()
    per_second: int | None = None
    per_minute: int | None = None
    per_day: int | None = None
    uses: int | None = None
    shadow: tuple[Limit, ...] = ()

    @property
    def are_counted(self) -> bool:
        """Whether somebody has to count the token's requests: what is remembered elsewhere cannot decide alone."""
        return any(_size(self, limit) is not None for limit in _SIZES)

    def has(self, limit: Limit) -> bool:
        """Whether there is such a limit, shadow or not."""
        return getattr(self, limit) not in (None, ())

    def enforces(self, limit: Limit) -> bool:
        """Whether there is one that refuses."""
        return self.has(limit) and limit not in self.shadow


class Asked(msgspec.Struct, frozen=True):
    """What a token is presented for: from which address, and with which request of somebody's API.  None: nobody knows.

    `about_itself`: it asks about itself, which rules are not about.
    """

    ip: str | None
    method: str | None = None
    uri: str | None = None
    host: str | None = None
    about_itself: bool = False


def checked(wanted: Limits, *, expires_at: int | None) -> Limits | None:
    """The limits as they are kept; None for none at all.  Raises `Invalid` for what is no limit, `Unprocessable` for dates."""
    limits = replace(
        wanted,
        networks=_each_once(wanted.networks, _normal_network, "networks"),
        rules=_each_once(wanted.rules, normal_rule, "rules"),
        shadow=tuple(dict.fromkeys(wanted.shadow)),
    )
    for limit in _SIZES:
        size = _size(limits, limit)
        if size is not None and not 1 <= size <= COUNT_MAX:
            raise Invalid(f"{limit} must be from 1 to {COUNT_MAX}", code="invalid_request")
    if idle := [limit for limit in limits.shadow if not limits.has(limit)]:
        raise Invalid(f"shadow names limits that are not there: {', '.join(idle)}", code="invalid_request")
    if limits.not_before is not None and expires_at is not None and limits.not_before >= expires_at:
        raise Unprocessable("not_before must be before expires_at", code="invalid_request")
    return None if limits == Limits() else limits


def is_within(wanted: Limits | None, own: Limits | None) -> bool:
    """Whether `wanted` lets nothing in that `own` does not."""
    wanted, own = wanted or Limits(), own or Limits()
    return all(_is_narrower(limit, wanted, own) for limit in Limit if own.enforces(limit))


def refusing(limits: Limits, asked: Asked, now: int) -> list[Limit]:
    """Those of the limits that can be told without counting, and that are against it, at `now` (ms), shadow or not.

    What nobody knows is refused: a limit to networks without an address, and rules without a request.
    """
    against = []
    if limits.networks and not _is_inside(limits.networks, asked.ip):
        against.append(Limit.NETWORKS)
    if limits.not_before is not None and now < limits.not_before:
        against.append(Limit.NOT_BEFORE)
    if limits.rules and not asked.about_itself and not _is_permitted(limits.rules, asked):
        against.append(Limit.RULES)
    return against


def enforced(limits: Limits, asked: Asked, now: int) -> Limit | None:
    """The first of them that refuses, of those that can be told without counting."""
    return next((limit for limit in refusing(limits, asked, now) if limit not in limits.shadow), None)


def _is_inside(networks: tuple[str, ...], ip: str | None) -> bool:
    address = None if ip is None else _address(ip)
    # An address of the one kind is in no network of the other.
    return address is not None and any(address in network for network in _networks(networks))


def _is_permitted(rules: tuple[str, ...], asked: Asked) -> bool:
    path = None if asked.uri is None else segments_of(asked.uri)
    if path is None or asked.method is None:
        return False
    method, host = asked.method, asked.host and host_of(asked.host)
    return any(rule.fits(method, host, path) for rule in _rules(rules))


def _is_narrower(limit: Limit, wanted: Limits, own: Limits) -> bool:
    if not wanted.enforces(limit):
        return False
    match limit:
        case Limit.NETWORKS:
            return all(_lies_in(each, _networks(own.networks)) for each in _networks(wanted.networks))
        case Limit.RULES:
            return set(wanted.rules) <= set(own.rules)
        case Limit.NOT_BEFORE:
            return (wanted.not_before or 0) >= (own.not_before or 0)
        case _:
            return (_size(wanted, limit) or 0) <= (_size(own, limit) or 0)


def _lies_in(network: _Network, others: Iterable[_Network]) -> bool:
    return any(_covers(other, network) for other in others)


def _covers(wide: _Network, narrow: _Network) -> bool:
    if isinstance(wide, ipaddress.IPv4Network):
        return isinstance(narrow, ipaddress.IPv4Network) and narrow.subnet_of(wide)
    return isinstance(narrow, ipaddress.IPv6Network) and narrow.subnet_of(wide)


def _size(limits: Limits, limit: Limit) -> int | None:
    """Of a limit that is a number."""
    size: int | None = getattr(limits, limit)
    return size


def _each_once(texts: Sequence[str], normal: Callable[[str], str], name: str) -> tuple[str, ...]:
    kept = tuple(dict.fromkeys(map(normal, texts)))
    if any(redacted(each) != each for each in kept):
        raise Invalid(f"{name} hold the secret of a token", code="invalid_request")
    if len(kept) > NETWORKS_MAX:
        raise Invalid(f"a token can have at most {NETWORKS_MAX} {name}", code="invalid_request")
    return kept


def _normal_network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
        address = ipaddress.ip_interface(text.strip()).ip
        if "%" in text:
            raise ValueError("a zone is of one machine only")
    except ValueError as error:
        said = f"{text[:100]!r} is no network: write an address or CIDR, such as 192.0.2.0/24 or 2001:db8::/32"
        raise Invalid(said, code="invalid_request") from error
    if address != network.network_address:
        raise Invalid(f"{text.strip()} has bits beyond its length: write {network}", code="invalid_request")
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        raise Invalid(f"{text.strip()} is a network of IPv4 addresses: write it as one", code="invalid_request")
    return str(network)


@lru_cache(maxsize=10_000)
def _address(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # How a socket for both kinds names an IPv4 address.
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=10_000)
def _networks(texts: tuple[str, ...]) -> tuple[_Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


@lru_cache(maxsize=10_000)
def _rules(texts: tuple[str, ...]) -> tuple[Rule, ...]:
    return tuple(map(read_rule, texts))
