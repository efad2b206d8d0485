"""Where a database runs: on this machine as it is, or in a network of its own, which can be cut from others.

Networks are namespaces, which belong to processes: they are gone with them, whatever happens.  The process that makes some is itself in
one (`alone`), so that nothing of it is to be seen from outside.
"""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol, TypeVar

R = TypeVar("R")

_NEW_NETWORK: Final = 0x40000000  # CLONE_NEWNET
_DROPS: Final = "0"  # states of a bridge's port: what comes is thrown away, and nobody is told
_FORWARDS: Final = "3"

SHARED: Final = "192.0.2"
"""The first parts of the addresses in the network in which the databases reach each other, and everybody reaches them."""

ASIDE: Final = "198.51.100"
"""Of a second network, without a way between the databases: who takes this one may reach one that the other one does not."""


class Host(Protocol):
    """A place for one database."""

    @property
    def addresses(self) -> tuple[str, str]:
        """In the shared network, and aside."""

    def run(self, call: Callable[[], R]) -> R:
        """Do something there: what is started stays there."""

    def cut(self, *, aside: bool) -> None:
        """Nothing gets through any more in the shared network, nor, if so said, aside.  Nobody is told."""

    def join(self) -> None:
        """All gets through again."""


class Here:
    """This machine, as it is."""

    addresses = ("127.0.0.1", "127.0.0.1")

    def run(self, call: Callable[[], R]) -> R:
        return call()

    def cut(self, *, aside: bool) -> None:
        raise NotImplementedError("there is no network between")

    def join(self) -> None:
        return


class Apart:
    """A network of its own, with a line to each of the two others."""

    def __init__(self, number: int) -> None:
        """`number`: the last part of its addresses."""
        self.addresses = (f"{SHARED}.{number}", f"{ASIDE}.{number}")
        self._ports = (f"shared{number}", f"aside{number}")
        # It ends when this process does, because its input ends then.
        self._holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        self._network = Path(f"/proc/{self._holder.pid}/ns/net")
        while self._network.readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.001)  # unshare does not say when it has
        self._thread = ThreadPoolExecutor(1, initializer=self._enter)
        self.run(lambda: _ip("link set lo up"))
        for port, address, bridge, inside in zip(self._ports, self.addresses, _BRIDGES, ("eth0", "eth1"), strict=True):
            _ip(f"link add {port} type veth peer name {inside} netns {self._holder.pid}")
            _ip(f"link set {port} master {bridge} up")
            self.run(lambda inside=inside, address=address: _ip(f"addr add {address}/24 dev {inside}"))  # type: ignore[misc]
            self.run(lambda inside=inside: _ip(f"link set {inside} up"))  # type: ignore[misc]

    def run(self, call: Callable[[], R]) -> R:
        return self._thread.submit(call).result()

    def cut(self, *, aside: bool) -> None:
        for port in self._ports if aside else self._ports[:1]:
            _call("bridge", "link", "set", "dev", port, "state", _DROPS)

    def join(self) -> None:
        for port in self._ports:
            _call("bridge", "link", "set", "dev", port, "state", _FORWARDS)

    def _enter(self) -> None:
        """This thread, and what it starts, is in that network."""
        network = os.open(self._network, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(network, _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(network)


def alone(module: str, *arguments: str) -> "subprocess.Popen[str]":
    """Run a module of the bench in a network of its own, as only root may."""
    begin = 'ip link set lo up && exec "$@"'
    command = ["unshare", "--net", "sh", "-c", begin, "sh", sys.executable, "-m", module, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def middle() -> None:
    """Make the two networks to which hosts are joined, in the one in which this process is."""
    for bridge, network in zip(_BRIDGES, (SHARED, ASIDE), strict=True):
        _ip(f"link add {bridge} type bridge")
        _ip(f"addr add {network}.254/24 dev {bridge}")
        _ip(f"link set {bridge} up")


_BRIDGES: Final = ("shared", "aside")


def _ip(words: str) -> None:
    _call("ip", *words.split())


def _call(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


def both(*, apart: bool) -> Sequence[Host]:
    """Two hosts."""
    if not apart:
        return Here(), Here()
    middle()
    return Apart(1), Apart(2)
