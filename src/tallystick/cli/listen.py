"""The address to listen on: taken once, before anything is started, so that a busy port is one clear line."""

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from tallystick.cli.keyfile import reason
from tallystick.core.errors import Conflict, Invalid


class Address(msgspec.Struct, frozen=True):
    """Where the workers bind: a numeric address and the real port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What to type on this machine."""
        return f"http://{_bracketed(self.reachable)}:{self.port}"

    @property
    def reachable(self) -> str:
        """The host to connect to from this machine."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - told apart, not bound


@contextmanager
def reserved(host: str, port: int) -> Iterator[Address]:
    """Hold `port` (0 = any free one) for the workers, which bind it with SO_REUSEPORT, for as long as this lasts.

    The socket is bound alone first, so that it fails when anybody has the port, and made shareable afterwards.  It never
    listens: no connection goes to it.  Raises `Conflict` for a busy port, `Invalid` for an address that is not ours.
    """
    family, where = _resolve(host, port)
    with socket.socket(family) as holder:
        # Connections that an earlier server closed linger for a minute; they are no reason to refuse.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(where)
        except OSError as error:
            raise _cannot_bind(error, host, port) from error
        address = Address(where[0], holder.getsockname()[1])
        if sys.platform == "linux":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        else:
            # Elsewhere the workers share one socket that the server binds by itself.
            holder.close()
        yield address


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise Invalid(f"cannot listen on {host}: no such address; choose another one with --host") from error
    # `localhost` may be both: what most clients try first comes first.
    family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, (str(where[0]), int(where[1]))


def _cannot_bind(error: OSError, host: str, port: int) -> Conflict | Invalid:
    if error.errno == errno.EADDRINUSE:
        return Conflict(f"port {port} on {host} is in use: stop that program or choose another with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return Invalid(
            f"cannot listen on {host}: this machine does not have that address; choose another one with --host"
        )
    return Invalid(f"cannot listen on port {port} of {host}: {reason(error)}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
