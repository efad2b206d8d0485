"""Uses are kept in memory: bounded, newest first to be seen, and not lost when the store is away."""

from tallystick.core.secret import Secret
from tallystick.core.token import LastUse
from tallystick.core.use import REMEMBERED_MAX, USER_AGENT_CHARS_MAX, Uses
from tests.core.world import NOW, token


def test_a_use_is_seen_at_once_on_the_node_that_saw_it() -> None:
    uses, one = Uses(), token()

    uses.touch(one.id, at=NOW, ip="192.0.2.1", user_agent="curl/8")

    assert uses.latest(one).last_use == LastUse(NOW, "192.0.2.1", "curl/8")
    assert one.last_use is None


def test_a_use_is_seen_while_it_is_being_written_and_gone_from_memory_after() -> None:
    uses, one = Uses(), token()
    uses.touch(one.id, at=NOW, ip=None, user_agent=None)

    batch = uses.take()

    assert list(batch) == [(one.id, LastUse(NOW, None, None))]
    assert uses.latest(one).last_use == LastUse(NOW, None, None)
    uses.written()
    assert uses.latest(one).last_use is None
    assert list(uses.take()) == []


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

    assert sorted(uses.take()) == [("a", LastUse(1, None, None)), ("b", LastUse(2, None, None))]


def test_what_came_while_a_batch_failed_is_newer_than_the_batch() -> None:
    uses = Uses()
    uses.touch("a", at=1, ip=None, user_agent=None)
    uses.take()
    uses.touch("a", at=2, ip=None, user_agent=None)

    uses.failed()

    assert list(uses.take()) == [("a", LastUse(2, None, None))]


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

    kept = dict(uses.take())
    assert len(kept) == REMEMBERED_MAX
    assert f"new{REMEMBERED_MAX + 4}" in kept
    assert not any(name.startswith("old") for name in kept)


def test_a_token_that_is_known_is_noted_even_when_memory_is_full() -> None:
    uses = Uses()
    for number in range(REMEMBERED_MAX):
        uses.touch(f"t{number}", at=number, ip=None, user_agent=None)

    uses.touch("t0", at=NOW, ip=None, user_agent=None)

    kept = dict(uses.take())
    assert len(kept) == REMEMBERED_MAX
    assert kept["t0"].at == NOW


def test_a_long_user_agent_survives_and_an_endless_one_is_cut() -> None:
    uses = Uses()
    uses.touch("long", at=1, ip=None, user_agent="x" * 300)
    uses.touch("endless", at=1, ip=None, user_agent="x" * 100_000)

    kept = dict(uses.take())

    assert kept["long"].user_agent == "x" * 300
    assert kept["endless"].user_agent == "x" * USER_AGENT_CHARS_MAX


def test_a_secret_in_a_user_agent_is_not_kept_not_even_a_part_of_one_that_is_cut() -> None:
    secret = Secret.mint().reveal()
    uses = Uses()
    uses.touch("whole", at=1, ip=None, user_agent=f"curl {secret}")
    uses.touch("cut", at=1, ip=None, user_agent="x" * (USER_AGENT_CHARS_MAX - 40) + secret)

    kept = dict(uses.take())

    assert kept["whole"].user_agent == "curl tly_…"
    assert kept["cut"].user_agent == "x" * (USER_AGENT_CHARS_MAX - 40) + "tly_…"
