"""Rules of verifiers, broken on purpose: only here, to see that the proof finds it.

Each comes with the harm under which it shows; some need none.
"""

from typing import Any, Final

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


BROKEN: Final[dict[str, tuple[type[Memory], tuple[Way, ...]]]] = {
    "arrival": (_FromArrival, (Way.CUT,)),
    "ackbefore": (_AckBefore, ()),
    "noplaceholder": (_NoPlaceholder, ()),
    "servebefore": (_ServeBefore, (Way.FREEZE_VERIFIER,)),
}
