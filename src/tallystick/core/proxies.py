"""For whom somebody asks: the address at the other end of the socket, or, where that is a proxy we trust, the one it tells of.

And whether their own connection is encrypted, which only such a proxy knows.

Each proxy adds to `X-Forwarded-For` whom it was asked by, so it is read from its end: the last hop that is no proxy of ours is
the client.  What stands before that hop the client wrote itself.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

_HOPS_MAX: Final = 32  # proxies of ours in a row; what is longer was made up
_KEPT: Final = 10_000


class Proxies:
    """The proxies that are believed: `networks`, as CIDR.  None of them by default."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self.any = bool(self._networks)
        self._read = lru_cache(_KEPT)(self._parsed)

    def client_of(self, peer: str | None, forwarded: Sequence[str]) -> str | None:
        """The client's address.  `peer`: the socket's; `forwarded`: what came as `X-Forwarded-For`, in that order."""
        if peer is None or not forwarded or not self._read(peer)[1]:
            return peer
        return self._walked(peer, forwarded)[0]

    def sure_client_of(self, peer: str | None, forwarded: Sequence[str]) -> str | None:
        """The same for what must not be guessed; None where a proxy of ours does not say, or one speaks that is none of ours."""
        if peer is None:
            return None
        address, trusted = self._read(peer)
        if trusted != bool(forwarded):
            # Nobody sits on a proxy; and who tells of others without being trusted may be a gateway that nobody told us of.
            return None
        if not trusted:
            return address
        client, is_sure = self._walked(peer, forwarded)
        return client if is_sure else None

    def is_private(self, peer: str | None, told: Sequence[str]) -> bool:
        """Whether the client speaks TLS.  `told`: what came as `X-Forwarded-Proto`, one scheme for each proxy on the way."""
        if peer is None or not told or not self._read(peer)[1]:
            return False
        return "https" in [scheme.strip().lower() for scheme in ",".join(told).split(",")]

    def _walked(self, peer: str, forwarded: Sequence[str]) -> tuple[str, bool]:
        """From the last hop to the first that is none of ours; whether all on the way could be read."""
        client = peer
        for hop in reversed(",".join(forwarded).rsplit(",", _HOPS_MAX)[-_HOPS_MAX:]):
            address, trusted = self._read(hop)
            if address is None:
                # None of ours writes such a thing: whoever was asked by it is the last that we know of.
                return client, False
            client = address
            if not trusted:
                break
        return client, True

    def _parsed(self, hop: str) -> tuple[str | None, bool]:
        """An address as it is written everywhere here, and whether that is one of ours."""
        try:
            ip = ipaddress.ip_address(_bare(hop.strip()))
        except ValueError:
            return None, False
        if isinstance(ip, ipaddress.IPv6Address):
            # `::ffff:192.0.2.1` is how a socket for both kinds names an IPv4 address.
            ip = ip.ipv4_mapped or ipaddress.IPv6Address(int(ip))
        return str(ip), any(ip in network for network in self._networks)


def _bare(hop: str) -> str:
    """Without a port, which some proxies add, and without the brackets of IPv6."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
