"""How long a guesser waits, and when an authenticator is locked.

Failures are counted per login (known or not: the two must look alike) and per address.  The first few cost nothing, since
people mistype; then each one doubles the wait.  After 100 in a row the login is locked until an administrator sets it free
(NIST SP 800-63B, 5.2.2).  An address is no authenticator: it only waits, and is forgiven sooner, since many may share it.
"""

import hashlib
import ipaddress
from typing import Final

import msgspec

from tallystick.core.guesses import Failures
from tallystick.core.people import normal_login

LOCKED_AFTER: Final = 100
WAIT_MS_MAX: Final = 60_000
KEPT_MS: Final = 30 * 24 * 3600 * 1000  # a row of failures that nobody adds to for so long is over


class Allowance(msgspec.Struct, frozen=True):
    """What is let through for one kind of key: `free` failures without a wait, and after how long all is forgiven."""

    free: int
    forgiven_after_ms: int


LOGIN: Final = Allowance(free=5, forgiven_after_ms=KEPT_MS)
ADDRESS: Final = Allowance(free=20, forgiven_after_ms=15 * 60 * 1000)


def wait_ms(failures: Failures | None, allowance: Allowance, now: int) -> int:
    """Milliseconds until the next try is judged; 0 = now."""
    if failures is None or now - failures.last_at >= allowance.forgiven_after_ms or failures.count < allowance.free:
        return 0
    doublings = min(failures.count - allowance.free, 16)
    pause = min(1000 << doublings, WAIT_MS_MAX)
    left = failures.last_at + pause - now
    # A failure from the future: the clock was set back since, perhaps by days.  Nobody is kept waiting until it has caught
    # up; what remains is the count, which goes on to the lock.
    return min(pause, max(0, left)) if left <= 2 * pause else 0


def is_locked(failures: Failures | None) -> bool:
    """Whether this login has been guessed at too often to be used at all."""
    return failures is not None and failures.count >= LOCKED_AFTER


def login_key(login: str, *, key: bytes) -> str:
    """Under which a login's failures are noted: keyed, since people type passwords into the wrong field."""
    return _key("login", normal_login(login), key)


def address_key(address: str, *, key: bytes) -> str:
    """Under which an address's failures are noted; IPv6 by /64, which is what one subscriber has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return _key("address", address, key)
    if isinstance(ip, ipaddress.IPv6Address):
        # `::ffff:192.0.2.1` is how a socket for both kinds names an IPv4 address: all of these share one /64.
        ip = ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False).network_address
    return _key("address", str(ip), key)


def _key(kind: str, what: str, key: bytes) -> str:
    text = f"{kind}:{what}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, key=key, digest_size=16).hexdigest()
