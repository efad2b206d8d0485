"""Rules of verifiers, broken on purpose: only here, to see that the proof finds it.

Each comes with the harm and the network under which it shows.
"""

from typing import Any, Final, NamedTuple

from bench.revocation.harm import Way
from tallystick.client._verify import Memory


class _FromArrival(Memory):
    """Counts its lease from when the answer came."""

    def sync(self) -> Any:
        noted = self._steady()
        yield from super().sync()
        self.verifier.hold(until=self.verifier.lease_until + self._steady() - noted)


class _AckBefore(Memory):
    """Says that it has heard, and forgets one round later."""

    def sync(self) -> Any:
        verifier, before = self.verifier, self.__dict__.get("late", [])
        late = self.__dict__["late"] = []

        def hear(changes: Any, *, upto: int) -> None:
            late.extend(changes)
            type(verifier).hear(verifier, (), upto=upto)

        verifier.hear = hear  # type: ignore[method-assign]
        yield from super().sync()
        type(verifier).hear(verifier, before, upto=0)


class _NoPlaceholder(Memory):
    """Remembers what it has read, whatever it has heard meanwhile."""

    def sync(self) -> Any:
        yield from super().sync()
        self.verifier.is_current = lambda whose, *, as_of: True  # type: ignore[method-assign]


class _ServeBefore(Memory):
    """Uses a lease that has ended, until it hears otherwise."""

    def sync(self) -> Any:
        yield from super().sync()
        self.verifier.hold(until=self.verifier.lease_until + 60_000)


class Rule(NamedTuple):
    """A broken rule, and what makes it show."""

    memory: type[Memory]
    ways: tuple[Way, ...]
    slow: int | None = (
        None  # the connection: 0 = the one for questions, 1 = the one that is followed by; None = as it comes
    )


BROKEN: Final = {
    "arrival": Rule(_FromArrival, (Way.CUT,), slow=0),
    "ackbefore": Rule(_AckBefore, ()),
    "noplaceholder": Rule(_NoPlaceholder, (), slow=0),
    "servebefore": Rule(_ServeBefore, (Way.FREEZE_VERIFIER,)),
}
