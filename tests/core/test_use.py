"""Uses are kept in memory: bounded, newest first to be seen, and not lost when the store is away."""

from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.secret import Secret
from tallystick.core.token import LastUse
from tallystick.core.usage import Counts, Usage, Why, added
from tallystick.core.use import REMEMBERED_MAX, USER_AGENT_CHARS_MAX, Uses
from tests.core.world import NOW, token

HOUR = hour_of(NOW)
ALWAYS = {"since": 0, "until": NOW + 2 * HOUR_MS}


def test_a_use_is_seen_at_once_on_the_node_that_saw_it() -> None:
    uses, one = Uses(), token()

    uses.touch(one.id, at=NOW, ip="192.0.2.1", user_agent="curl/8")

    assert uses.latest(one).last_use == LastUse(NOW, "192.0.2.1", "curl/8")
    assert one.last_use is None


def test_a_use_is_seen_while_it_is_being_written_and_gone_from_memory_after() -> None:
    uses, one = Uses(), token()
    uses.touch(one.id, at=NOW, ip=None, user_agent=None)

    batch = uses.take()

    assert list(batch.last) == [(one.id, LastUse(NOW, None, None))]
    assert uses.latest(one).last_use == LastUse(NOW, None, None)
    uses.written()
    assert uses.latest(one).last_use is None
    assert uses.take().is_empty


def test_a_newer_use_in_the_store_wins_over_an_older_one_in_memory() -> None:
    uses = Uses()
    stored = token(last_use=LastUse(NOW + 1, "192.0.2.2", "from another node"))
    uses.touch(stored.id, at=NOW, ip=None, user_agent=None)

    assert uses.latest(stored) is stored


def test_a_newer_use_in_memory_wins_over_an_older_one_in_the_store() -> None:
    uses = Uses()
    stored = token(last_use=LastUse(NOW, "192.0.2.2", "from another node"))
    uses.touch(stored.id, at=NOW + 1, ip=None, user_agent="here")

    assert uses.latest(stored).last_use == LastUse(NOW + 1, None, "here")


def test_a_failed_batch_is_kept_for_the_next_time() -> None:
    uses = Uses()
    uses.touch("a", at=1, ip=None, user_agent=None)
    uses.take()
    uses.touch("b", at=2, ip=None, user_agent=None)

    uses.failed()

    assert sorted(uses.take().last) == [("a", LastUse(1, None, None)), ("b", LastUse(2, None, None))]


def test_what_came_while_a_batch_failed_is_newer_than_the_batch() -> None:
    uses = Uses()
    uses.touch("a", at=1, ip=None, user_agent=None)
    uses.take()
    uses.touch("a", at=2, ip=None, user_agent=None)

    uses.failed()

    assert list(uses.take().last) == [("a", LastUse(2, None, None))]


def test_while_a_batch_is_written_the_newer_use_is_shown() -> None:
    uses, one = Uses(), token()
    uses.touch(one.id, at=1, ip=None, user_agent=None)
    uses.take()
    uses.touch(one.id, at=2, ip=None, user_agent=None)

    assert uses.latest(one).last_use == LastUse(2, None, None)


def test_memory_is_bounded_while_the_store_is_away_and_keeps_the_newest() -> None:
    uses = Uses()
    for number in range(REMEMBERED_MAX):
        uses.touch(f"old{number}", at=number, ip=None, user_agent=None)
    uses.take()
    for number in range(REMEMBERED_MAX + 5):
        uses.touch(f"new{number}", at=number, ip=None, user_agent=None)

    uses.failed()

    kept = dict(uses.take().last)
    assert len(kept) == REMEMBERED_MAX
    assert f"new{REMEMBERED_MAX + 4}" in kept
    assert not any(name.startswith("old") for name in kept)


def test_a_token_that_is_known_is_noted_even_when_memory_is_full() -> None:
    uses = Uses()
    for number in range(REMEMBERED_MAX):
        uses.touch(f"t{number}", at=number, ip=None, user_agent=None)

    uses.touch("t0", at=NOW, ip=None, user_agent=None)

    kept = dict(uses.take().last)
    assert len(kept) == REMEMBERED_MAX
    assert kept["t0"].at == NOW


# Counts


def test_every_use_is_counted_in_its_hour_and_shown_at_once() -> None:
    uses = Uses()
    for at in (HOUR, NOW, HOUR + HOUR_MS - 1, HOUR + HOUR_MS):
        uses.touch("a", at=at, ip=None, user_agent=None)
    uses.touch("b", at=NOW, ip=None, user_agent=None)

    assert uses.unwritten("a", **ALWAYS) == [Usage("a", HOUR, allowed=3), Usage("a", HOUR + HOUR_MS, allowed=1)]
    assert uses.unwritten("a", since=HOUR, until=HOUR + HOUR_MS) == [Usage("a", HOUR, allowed=3)]
    assert uses.unwritten("c", **ALWAYS) == []


def test_what_was_not_let_in_is_counted_by_reason_and_is_no_use() -> None:
    uses, one = Uses(), token()
    for why in Why:
        uses.refuse(one.id, at=NOW, why=why)
    uses.refuse(one.id, at=NOW, why=Why.SCOPE, count=2)

    assert uses.unwritten(one.id, **ALWAYS) == [
        Usage(one.id, HOUR, 0, expired=1, revoked=1, locked=1, scope=3, service=1, limited=7)
    ]
    assert uses.latest(one).last_use is None


def test_a_use_can_be_noted_that_is_not_counted() -> None:
    uses, one = Uses(), token()

    uses.note(one.id, at=NOW, ip=None, user_agent="here")

    assert uses.latest(one).last_use == LastUse(NOW, None, "here")
    assert uses.unwritten(one.id, **ALWAYS) == []


def test_a_sum_counts_as_so_many_and_notes_the_last_unless_a_newer_is_known() -> None:
    uses, one = Uses(), token()
    uses.add(one.id, at=NOW, count=10, ip="192.0.2.1", user_agent="app")
    uses.add(one.id, at=NOW - 1, count=5, ip="192.0.2.2", user_agent="older")

    assert uses.latest(one).last_use == LastUse(NOW, "192.0.2.1", "app")
    assert uses.unwritten(one.id, **ALWAYS) == [Usage(one.id, HOUR, allowed=15)]


def test_counts_are_shown_while_they_are_written_and_are_handed_out_once() -> None:
    uses = Uses()
    uses.touch("a", at=NOW, ip=None, user_agent=None)
    batch = uses.take()
    uses.touch("a", at=NOW, ip=None, user_agent=None)

    assert list(batch.usage) == [Usage("a", HOUR, allowed=1)]
    assert uses.unwritten("a", **ALWAYS) == [Usage("a", HOUR, allowed=2)]
    uses.written()
    assert uses.unwritten("a", **ALWAYS) == [Usage("a", HOUR, allowed=1)]
    assert list(uses.take().usage) == [Usage("a", HOUR, allowed=1)]


def test_counts_that_could_not_be_written_are_added_to_what_came_since() -> None:
    uses = Uses()
    uses.touch("a", at=NOW, ip=None, user_agent=None)
    uses.refuse("b", at=NOW, why=Why.EXPIRED)
    uses.take()
    uses.touch("a", at=NOW, ip=None, user_agent=None)
    uses.touch("a", at=NOW + HOUR_MS, ip=None, user_agent=None)

    uses.failed()
    uses.touch("a", at=NOW + HOUR_MS, ip=None, user_agent=None)

    assert added(uses.take().usage) == [
        Usage("a", HOUR, allowed=2),
        Usage("a", HOUR + HOUR_MS, allowed=2),
        Usage("b", HOUR, expired=1),
    ]


def test_counts_are_bounded_and_what_is_lost_is_counted() -> None:
    counts = Counts(most=3)
    for number in range(3):
        counts.add(f"t{number}", at=NOW, count=10)
    counts.take()
    for number in range(2, 5):
        counts.allow(f"t{number}", NOW)

    counts.failed()

    assert added(counts.take()) == [Usage(f"t{number}", HOUR, allowed=n) for number, n in ((2, 11), (3, 1), (4, 1))]
    assert counts.lost == 20


def test_a_count_that_is_known_goes_on_when_memory_is_full() -> None:
    counts = Counts(most=2)
    for token_id in ("a", "b", "a", "b", "a"):
        counts.allow(token_id, NOW)

    assert added(counts.take()) == [Usage("a", HOUR, allowed=3), Usage("b", HOUR, allowed=2)]
    assert counts.lost == 0


def test_hours_go_one_after_the_other_when_memory_is_full() -> None:
    counts = Counts(most=1)
    for number in range(3):
        counts.allow("a", NOW + number * HOUR_MS)

    assert (len(counts), counts.lost) == (1, 2)
    assert list(counts.take()) == [Usage("a", HOUR + 2 * HOUR_MS, allowed=1)]
    assert len(counts) == 0


def test_a_long_user_agent_survives_and_an_endless_one_is_cut() -> None:
    uses = Uses()
    uses.touch("long", at=1, ip=None, user_agent="x" * 300)
    uses.touch("endless", at=1, ip=None, user_agent="x" * 100_000)

    kept = dict(uses.take().last)

    assert kept["long"].user_agent == "x" * 300
    assert kept["endless"].user_agent == "x" * USER_AGENT_CHARS_MAX


def test_a_secret_in_a_user_agent_is_not_kept_not_even_a_part_of_one_that_is_cut() -> None:
    secret = Secret.mint().reveal()
    uses = Uses()
    uses.touch("whole", at=1, ip=None, user_agent=f"curl {secret}")
    uses.touch("cut", at=1, ip=None, user_agent="x" * (USER_AGENT_CHARS_MAX - 40) + secret)

    kept = dict(uses.take().last)

    assert kept["whole"].user_agent == "curl tly_…"
    assert kept["cut"].user_agent == "x" * (USER_AGENT_CHARS_MAX - 40) + "tly_…"
