"""What a verifier remembers, and when it may answer by it."""

import pytest
from msgspec.structs import replace

from tallystick.core.changes import Change, Kind
from tallystick.core.ports import Seen
from tallystick.core.secret import Digest
from tallystick.core.verifier import Verifier, Whose
from tests.core.world import ACME, ANNA, BERT, OTHER, machine, token

ANNAS, BERTS, ROBOT = Seen(token(), ANNA), Seen(token(BERT), BERT), Seen(machine(), None)


def digest(seen: Seen) -> Digest:
    return Digest(seen.token.id.encode().ljust(32))


def whose(seen: Seen) -> Whose:
    return Whose(seen.token.id, seen.token.user_id, seen.token.customer_id)


def learned(*all_seen: Seen, most: int = 10, until: int = 100) -> Verifier[Seen]:
    verifier = Verifier[Seen](most=most)
    verifier.hold(until=until)
    for seen in all_seen:
        verifier.learn(digest(seen), seen, whose(seen), as_of=0)
    return verifier


def recalled(verifier: Verifier[Seen], seen: Seen, *, steady: int = 0) -> Seen | None:
    grant = verifier.recall(digest(seen), steady)
    return None if grant is None else grant.what


def test_what_was_learned_is_recalled_while_the_lease_lasts_and_not_an_instant_longer() -> None:
    verifier = learned(ANNAS)

    assert recalled(verifier, ANNAS, steady=99) is ANNAS
    assert recalled(verifier, ANNAS, steady=100) is None
    assert recalled(verifier, BERTS, steady=99) is None
    assert (verifier.holds_lease(99), verifier.holds_lease(100)) == (True, False)


def test_before_the_first_lease_and_after_the_last_nothing_is_recalled() -> None:
    verifier = Verifier[Seen]()
    verifier.learn(digest(ANNAS), ANNAS, whose(ANNAS), as_of=0)
    assert recalled(verifier, ANNAS) is None

    verifier.hold(until=100)
    assert recalled(verifier, ANNAS) is ANNAS
    verifier.let_go()
    assert recalled(verifier, ANNAS) is None


def test_a_token_is_recalled_until_it_expires_and_not_an_instant_longer() -> None:
    verifier = learned()

    verifier.learn(digest(ANNAS), ANNAS, whose(ANNAS), as_of=0, until=50)

    assert recalled(verifier, ANNAS, steady=49) is ANNAS
    assert recalled(verifier, ANNAS, steady=50) is None


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

    assert {name for name, seen in names.items() if recalled(verifier, seen) is None} == forgotten
    assert verifier.applied == 7


@pytest.mark.parametrize(
    "change",
    [Change(Kind.TOKEN, ANNAS.token.id), Change(Kind.USER, ANNA.id), Change(Kind.CUSTOMER, ACME.id)],
)
def test_what_was_read_before_a_change_is_not_learned_after_it_was_heard(change: Change) -> None:
    verifier = learned()
    verifier.hear([], upto=4)
    verifier.hear([change], upto=5)

    verifier.learn(digest(ANNAS), ANNAS, whose(ANNAS), as_of=4)
    assert recalled(verifier, ANNAS) is None
    assert not verifier.is_current(whose(ANNAS), as_of=4)

    verifier.learn(digest(ANNAS), ANNAS, whose(ANNAS), as_of=5)
    assert recalled(verifier, ANNAS) is ANNAS


def test_a_change_of_something_else_does_not_keep_what_was_read_from_being_learned() -> None:
    verifier = learned()
    verifier.hear([Change(Kind.USER, BERT.id), Change(Kind.CUSTOMER, OTHER.id)], upto=5)

    verifier.learn(digest(ANNAS), ANNAS, whose(ANNAS), as_of=4)

    assert recalled(verifier, ANNAS) is ANNAS


def test_what_is_unknown_is_current_only_while_nothing_at_all_was_heard() -> None:
    verifier = learned()
    assert verifier.is_current(None, as_of=0)

    verifier.hear([Change(Kind.CUSTOMER, OTHER.id)], upto=1)

    assert not verifier.is_current(None, as_of=0)
    assert verifier.is_current(None, as_of=1)


def test_what_was_heard_is_not_remembered_for_ever_and_then_nothing_from_before_is_learned() -> None:
    verifier = learned()
    for seq in range(1, 20_000):
        verifier.hear([Change(Kind.TOKEN, str(seq))], upto=seq)

    assert len(verifier._heard) <= 10_000
    verifier.learn(digest(ANNAS), ANNAS, whose(ANNAS), as_of=0)
    assert recalled(verifier, ANNAS) is None
    verifier.learn(digest(ANNAS), ANNAS, whose(ANNAS), as_of=19_999)
    assert recalled(verifier, ANNAS) is ANNAS


def test_what_is_learned_again_takes_the_place_of_what_was_known() -> None:
    verifier = learned(ANNAS)
    newer = replace(ANNAS, user=BERT)

    verifier.learn(digest(ANNAS), newer, whose(ANNAS), as_of=0)
    assert recalled(verifier, ANNAS) is newer
    assert len(verifier) == 1

    # The same token behind another digest: the key was changed.
    verifier.learn(digest(BERTS), ANNAS, whose(ANNAS), as_of=0)
    assert recalled(verifier, ANNAS) is None
    assert len(verifier) == 1


def test_the_memory_is_bounded_and_the_oldest_goes() -> None:
    verifier = learned(ANNAS, BERTS, ROBOT, most=2)

    assert (len(verifier), verifier.evicted) == (2, 1)
    assert recalled(verifier, ANNAS) is None
    assert recalled(verifier, ROBOT) is ROBOT


def test_what_is_asked_for_is_not_what_goes() -> None:
    verifier = learned(ANNAS, BERTS, most=2)
    recalled(verifier, ANNAS)

    verifier.learn(digest(ROBOT), ROBOT, whose(ROBOT), as_of=0)

    assert recalled(verifier, BERTS) is None
    assert recalled(verifier, ANNAS) is ANNAS


def test_when_all_are_asked_for_one_goes_all_the_same() -> None:
    verifier = learned(ANNAS, BERTS, most=2)
    recalled(verifier, ANNAS)
    recalled(verifier, BERTS)

    verifier.learn(digest(ROBOT), ROBOT, whose(ROBOT), as_of=0)

    assert len(verifier) == 2
    assert recalled(verifier, ROBOT) is ROBOT


def test_the_memory_is_bounded_in_bytes_too() -> None:
    verifier = Verifier[bytes](size=len, most_bytes=250)
    verifier.hold(until=100)
    for number in range(10):
        verifier.learn(Digest(b"%032d" % number), bytes(100), Whose(f"{number}", None, "c"), as_of=0)

    assert (len(verifier), verifier.bytes, verifier.evicted) == (2, 200, 8)
    verifier.learn(Digest(bytes(32)), bytes(1000), Whose("big", None, "c"), as_of=0)
    assert (len(verifier), verifier.bytes) == (1, 1000)


def test_nothing_stays_behind_of_what_was_forgotten() -> None:
    verifier = learned(ANNAS, BERTS, ROBOT)
    everything = [Change(Kind.TOKEN, ROBOT.token.id), Change(Kind.USER, ANNA.id), Change(Kind.CUSTOMER, ACME.id)]

    verifier.hear(everything, upto=1)
    for seen in (ANNAS, BERTS, ROBOT):
        verifier.learn(digest(seen), seen, whose(seen), as_of=1)
        verifier.hear([Change(Kind.TOKEN, seen.token.id)], upto=1)

    assert (len(verifier), verifier.bytes) == (0, 0)
    assert (verifier._by_token, verifier._parties, verifier._customer_of) == ({}, {}, {})


def test_to_begin_again_forgets_everything_and_what_was_read_before() -> None:
    verifier = learned(ANNAS)

    verifier.begin(at=9)
    verifier.learn(digest(BERTS), BERTS, whose(BERTS), as_of=8)

    assert (len(verifier), verifier.applied) == (0, 9)


def test_news_that_come_late_take_nothing_back() -> None:
    verifier = learned(ANNAS)

    verifier.hear([], upto=5)
    verifier.hear([Change(Kind.USER, ANNA.id)], upto=4)

    assert verifier.applied == 5
    assert recalled(verifier, ANNAS) is None
