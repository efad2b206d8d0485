"""Rules of verifiers, and one of PostgreSQL's database, broken on purpose: only here, to see that the proof finds it.

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


# Numbers are taken from a sequence, and the last one is the greatest that was committed: then a smaller one can come later.
_IDENTITY_COLUMN: Final = """
DROP TABLE head;
CREATE SEQUENCE number;
CREATE VIEW head AS SELECT 1 AS one, coalesce(max(seq), 0) AS seq,
       left(pg_walfile_name(pg_current_wal_lsn()), 8) AS timeline FROM change;
CREATE FUNCTION take_numbers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_lock(1);  -- only so that those of one change follow each other
    NEW.seq := setval('number', nextval('number') + NEW.seq - OLD.seq - 1);
    PERFORM pg_advisory_unlock(1);
    RETURN NEW;
END $$;
CREATE TRIGGER take_numbers INSTEAD OF UPDATE ON head FOR EACH ROW EXECUTE FUNCTION take_numbers();
"""


class Rule(NamedTuple):
    """A broken rule, and what makes it show.  `database`: SQL that breaks it, where it is PostgreSQL's."""

    memory: type[Memory]
    ways: tuple[Way, ...]
    slow: int | None = (
        None  # the connection: 0 = the one for questions, 1 = the one that is followed by; None = as it comes
    )
    database: str | None = None


BROKEN: Final = {
    "arrival": Rule(_FromArrival, (Way.CUT,), slow=0),
    "ackbefore": Rule(_AckBefore, ()),
    "noplaceholder": Rule(_NoPlaceholder, (), slow=0),
    "servebefore": Rule(_ServeBefore, (Way.FREEZE_VERIFIER,)),
    "identity": Rule(Memory, (), database=_IDENTITY_COLUMN),
}
