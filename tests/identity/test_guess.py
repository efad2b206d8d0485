"""A guesser waits longer and longer; a person who mistypes does not; and time heals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core.guesses import Failures
from tallystick.identity import guess
from tallystick.identity.guess import ADDRESS, LOCKED_AFTER, LOGIN, WAIT_MS_MAX, Allowance, wait_ms
from tests.core.world import DAY, MINUTE, NOW, SECOND

KEY = bytes(32)


def waits(allowance: Allowance, counts: range) -> list[int]:
    return [wait_ms(Failures(count, NOW), allowance, NOW) // SECOND for count in counts]


def test_who_never_failed_does_not_wait() -> None:
    assert wait_ms(None, LOGIN, NOW) == 0


def test_the_first_five_failures_of_a_login_cost_nothing_then_each_doubles_the_wait() -> None:
    assert waits(LOGIN, range(14)) == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_address_has_twenty_free_since_many_may_share_it() -> None:
    assert waits(ADDRESS, range(18, 25)) == [0, 0, 1, 2, 4, 8, 16]


@given(st.integers(0, 10**9))
def test_no_wait_is_longer_than_a_minute(count: int) -> None:
    assert 0 <= wait_ms(Failures(count, NOW), LOGIN, NOW) <= WAIT_MS_MAX


@given(st.integers(0, 2 * MINUTE), st.integers(0, 200))
def test_a_wait_runs_down_with_the_clock_and_ends(passed: int, count: int) -> None:
    failures = Failures(count, NOW)

    left = wait_ms(failures, LOGIN, NOW + passed)

    assert left == max(0, wait_ms(failures, LOGIN, NOW) - passed)


def test_an_address_is_forgiven_after_a_quarter_of_an_hour_a_login_after_a_month() -> None:
    many = Failures(50, NOW)
    paused = Allowance(free=0, forgiven_after_ms=10 * SECOND)

    assert wait_ms(many, paused, NOW + 10 * SECOND - 1) > 0
    assert wait_ms(many, paused, NOW + 10 * SECOND) == 0
    assert (ADDRESS.forgiven_after_ms, LOGIN.forgiven_after_ms) == (15 * MINUTE, 30 * DAY)


@pytest.mark.parametrize("back", [SECOND, MINUTE, 10 * MINUTE, DAY, 400 * DAY])
@pytest.mark.parametrize("count", [6, 50])
def test_a_clock_that_was_set_back_keeps_nobody_waiting_for_longer_than_two_pauses(back: int, count: int) -> None:
    failures = Failures(count, NOW)
    pause = wait_ms(failures, LOGIN, NOW)
    now = waited = NOW - back

    while left := wait_ms(failures, LOGIN, now):
        now += left
        assert now - waited <= 2 * pause

    assert now - waited <= 2 * pause


@pytest.mark.parametrize("count, locked", [(0, False), (99, False), (100, True), (10**6, True)])
def test_a_login_is_locked_after_a_hundred_failures_in_a_row(count: int, locked: bool) -> None:
    assert LOCKED_AFTER == 100
    assert guess.is_locked(Failures(count, NOW)) is locked
    assert not guess.is_locked(None)


def test_the_keys_tell_logins_apart_but_not_their_spelling() -> None:
    anna = guess.login_key("anna@example.com", key=KEY)

    assert anna == guess.login_key(" Anna@Example.COM ", key=KEY)
    assert anna != guess.login_key("anna@example.org", key=KEY)
    assert anna != guess.address_key("anna@example.com", key=KEY)
    assert anna != guess.login_key("anna@example.com", key=bytes(range(32)))
    assert "anna" not in anna


def test_an_ipv6_address_counts_with_its_whole_network_an_ipv4_address_alone() -> None:
    def key(address: str) -> str:
        return guess.address_key(address, key=KEY)

    assert key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff::9")
    assert key("2001:db8:1:2::1") != key("2001:db8:1:3::1")
    assert key("192.0.2.1") != key("192.0.2.2")


def test_an_ipv4_address_that_came_over_an_ipv6_socket_is_that_address() -> None:
    def key(address: str) -> str:
        return guess.address_key(address, key=KEY)

    assert key("::ffff:192.0.2.1") == key("192.0.2.1")
    assert key("::ffff:192.0.2.1") != key("::ffff:192.0.2.2")


@given(st.text())
def test_any_text_has_a_key(text: str) -> None:
    assert len(guess.login_key(text, key=KEY)) == len(guess.address_key(text, key=KEY)) == 32
