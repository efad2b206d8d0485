"""What a verifier remembers, and when it may answer by it."""

import pytest
from msgspec.structs import replace

from tallystick.core.changes import Change, Kind
from tallystick.core.ports import Seen
from tallystick.core.secret import Digest
from tallystick.core.verifier import Verifier
from tests.core.world import ACME, ANNA, BERT, NOW, OTHER, machine, token

ANNAS, BERTS, ROBOT = Seen(token(), ANNA), Seen(token(BERT), BERT), Seen(machine(), None)


def digest(seen: Seen) -> Digest:
    return Digest(seen.token.id.encode().ljust(32))


def learned(*all_seen: Seen, most: int = 10, until: int = 100) -> Verifier:
    verifier = Verifier(most=most)
    verifier.hold(until=until)
    for seen in all_seen:
        verifier.learn(digest(seen), verifier.ask(digest(seen)), seen)
    return verifier


def test_what_was_learned_is_recalled_while_the_lease_lasts_and_not_an_instant_longer() -> None:
    verifier = learned(ANNAS)

    assert verifier.recall(digest(ANNAS), 99) is ANNAS
    assert verifier.recall(digest(ANNAS), 100) is None
    assert verifier.recall(digest(BERTS), 99) is None
    assert (verifier.holds_lease(99), verifier.holds_lease(100)) == (True, False)


def test_before_the_first_lease_and_after_the_last_nothing_is_recalled() -> None:
    verifier = Verifier()
    verifier.learn(digest(ANNAS), verifier.ask(digest(ANNAS)), ANNAS)
    assert verifier.recall(digest(ANNAS), 0) is None

    verifier.hold(until=100)
    assert verifier.recall(digest(ANNAS), 0) is ANNAS
    verifier.let_go()
    assert verifier.recall(digest(ANNAS), 0) is None


@pytest.mark.parametrize(
    "change, forgotten",
    [
        (Change(Kind.TOKEN, ANNAS.token.id), {"annas"}),
        (Change(Kind.USER, BERT.id), {"berts"}),
        (Change(Kind.CUSTOMER, ACME.id), {"annas", "berts", "robot"}),
        (Change(Kind.TOKEN, ROBOT.token.id), {"robot"}),
        (Change(Kind.CUSTOMER, OTHER.id), set()),
        (Change(Kind.USER, "nobody"), set()),
    ],
)
def test_a_change_makes_it_forget_what_it_is_about_and_nothing_else(change: Change, forgotten: set[str]) -> None:
    names = {"annas": ANNAS, "berts": BERTS, "robot": ROBOT}
    verifier = learned(*names.values())

    verifier.hear([change], upto=7)

    assert {name for name, seen in names.items() if verifier.recall(digest(seen), 0) is None} == forgotten
    assert verifier.applied == 7


def test_what_was_read_before_a_change_was_heard_is_not_learned_after_it() -> None:
    verifier = learned()
    mark = verifier.ask(digest(ANNAS))

    verifier.hear([Change(Kind.TOKEN, ANNAS.token.id)], upto=1)
    verifier.learn(digest(ANNAS), mark, ANNAS)

    assert verifier.recall(digest(ANNAS), 0) is None


def test_of_two_looks_at_one_digest_only_the_later_is_learned() -> None:
    verifier = learned()
    first, second = verifier.ask(digest(ANNAS)), verifier.ask(digest(ANNAS))

    verifier.learn(digest(ANNAS), first, replace(ANNAS, user=BERT))
    assert verifier.recall(digest(ANNAS), 0) is None
    verifier.learn(digest(ANNAS), second, ANNAS)

    assert verifier.recall(digest(ANNAS), 0) is ANNAS


@pytest.mark.parametrize(
    "seen",
    [None, Seen(token(revoked_at=NOW), ANNA), Seen(token(), replace(ANNA, locked=True))],
    ids=["unknown", "revoked", "locked"],
)
def test_nobody_can_make_it_remember_what_is_not_accepted(seen: Seen | None) -> None:
    verifier = learned()

    verifier.learn(digest(ANNAS), verifier.ask(digest(ANNAS)), seen)

    assert len(verifier) == 0


def test_the_memory_is_bounded_and_the_oldest_goes() -> None:
    verifier = learned(ANNAS, BERTS, ROBOT, most=2)

    assert len(verifier) == 2
    assert verifier.recall(digest(ANNAS), 0) is None
    verifier.hear([Change(Kind.CUSTOMER, ACME.id)], upto=1)
    assert len(verifier) == 0
    assert verifier._by == {}


def test_to_begin_again_forgets_everything_and_what_is_under_way() -> None:
    verifier = learned(ANNAS)
    mark = verifier.ask(digest(BERTS))

    verifier.begin(at=9)
    verifier.learn(digest(BERTS), mark, BERTS)

    assert (len(verifier), verifier.applied) == (0, 9)


def test_news_that_come_late_take_nothing_back() -> None:
    verifier = learned(ANNAS)

    verifier.hear([], upto=5)
    verifier.hear([Change(Kind.USER, ANNA.id)], upto=4)

    assert verifier.applied == 5
    assert verifier.recall(digest(ANNAS), 0) is None
