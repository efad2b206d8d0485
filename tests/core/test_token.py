"""What may be said of a token at an instant: the borders belong to the refusal."""

import pytest

from tallystick.core import sudo
from tallystick.core.caller import Caller
from tallystick.core.ports import Seen
from tallystick.core.token import SUDO_MS, default_name
from tallystick.core.verify import Refusal, Verdict, judge
from tests.core.world import ANNA, DAY, NOW, SECOND, token


@pytest.mark.parametrize("expires_at, expired", [(None, False), (NOW + 1, False), (NOW, True), (NOW - 1, True)])
def test_a_token_ends_at_its_expiry_not_after_it(expires_at: int | None, expired: bool) -> None:
    one = token(expires_at=expires_at)

    assert one.is_expired(NOW) is expired
    assert one.is_live(NOW) is not expired


def test_a_revoked_token_is_not_live_even_before_its_expiry() -> None:
    assert not token(revoked_at=NOW, expires_at=NOW + SECOND).is_live(NOW)
    assert not token(revoked_at=NOW + SECOND).is_live(NOW), "a clock that was set back does not bring it back"


@pytest.mark.parametrize("until, raised", [(None, False), (NOW + 1, True), (NOW, False), (NOW - 1, False)])
def test_sudo_ends_at_its_instant(until: int | None, raised: bool) -> None:
    assert token(sudo_until=until).is_in_sudo(NOW) is raised


@pytest.mark.parametrize("ahead, raised", [(0, True), (SECOND, True), (SECOND + 1, False), (DAY, False)])
def test_a_raise_that_was_made_while_the_clock_was_ahead_is_none(ahead: int, raised: bool) -> None:
    assert token(sudo_until=NOW + SUDO_MS + ahead).is_in_sudo(NOW) is raised


def test_a_raise_that_begins_now_holds_at_every_millisecond_of_a_second() -> None:
    for now in range(NOW, NOW + SECOND):
        assert token(sudo_until=sudo.ends_at(None, now=now)).is_in_sudo(now)


def test_a_token_without_a_name_is_called_by_the_first_six_of_its_id() -> None:
    assert default_name("4pQk8sWm2ZtYc1Rb9LxUa7") == "token 4pQk8s"


def test_a_live_token_is_accepted_as_its_user() -> None:
    seen = Seen(token(), ANNA)

    verdict = judge(seen, NOW)

    assert verdict.ok
    assert verdict.caller == Caller(seen.token, ANNA)


def test_a_secret_that_nobody_has_is_unknown() -> None:
    assert judge(None, NOW) == Verdict(None, Refusal.UNKNOWN)


def test_an_expired_token_is_refused_with_what_was_seen_for_the_sentence_that_says_so() -> None:
    seen = Seen(token(expires_at=NOW), ANNA)

    assert judge(seen, NOW) == Verdict(None, Refusal.EXPIRED, seen)


def test_a_token_both_revoked_and_expired_counts_as_revoked_which_says_less() -> None:
    verdict = judge(Seen(token(expires_at=NOW, revoked_at=NOW - 1), ANNA), NOW)

    assert (verdict.ok, verdict.refusal) == (False, Refusal.REVOKED)
