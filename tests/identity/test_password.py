"""Passwords: Argon2id, neither too short nor too long, and none that anybody would guess."""

from typing import ClassVar, Literal

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from argon2.profiles import CHEAPEST, PRE_21_2
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core.errors import Invalid
from tallystick.identity.password import CHARS_MAX, CHARS_MIN, Passwords, check_acceptable

PASSWORDS = Passwords(CHEAPEST)
GOOD = "correct horse battery staple"


def test_a_password_fits_its_hash_and_no_other_does() -> None:
    stored = PASSWORDS.hash(GOOD)

    assert stored.startswith("$argon2id$")
    assert GOOD not in stored
    assert PASSWORDS.verify(GOOD, stored)
    assert not PASSWORDS.verify(GOOD + "r", stored)
    assert not PASSWORDS.verify("", stored)


def test_the_same_password_hashes_differently_each_time() -> None:
    assert PASSWORDS.hash(GOOD) != PASSWORDS.hash(GOOD)


@pytest.mark.parametrize("password", [GOOD, "", "nobody has this password"])
def test_nobody_has_no_password_at_all(password: str) -> None:
    assert not PASSWORDS.verify(password, None)


class Recording(PasswordHasher):
    """Notes which hash a password was checked against."""

    seen: ClassVar[list[Parameters]] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - its name
        self.seen.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


def test_nobody_costs_a_whole_hash_under_the_same_parameters_as_somebody() -> None:
    passwords = Passwords(CHEAPEST)
    passwords._hasher = Recording.from_parameters(CHEAPEST)
    stored = passwords.hash(GOOD)

    passwords.verify("wrong password", stored)
    passwords.verify("wrong password", None)

    assert Recording.seen == [CHEAPEST, CHEAPEST]


@pytest.mark.parametrize("stored", ["", "!", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv"])
def test_what_is_no_hash_fits_nothing(stored: str) -> None:
    assert not PASSWORDS.verify(GOOD, stored)


@settings(max_examples=50)
@given(st.text())
def test_any_text_can_be_checked(password: str) -> None:
    assert not PASSWORDS.verify(password, None)


def test_a_password_longer_than_allowed_is_never_taken_for_its_beginning() -> None:
    stored = PASSWORDS.hash("x" * CHARS_MAX)

    assert PASSWORDS.verify("x" * CHARS_MAX, stored)
    assert not PASSWORDS.verify("x" * (CHARS_MAX + 1), stored)
    assert not PASSWORDS.verify("x" * 1_000_000, stored)


def test_a_hash_is_outdated_when_parameters_have_changed() -> None:
    stored = PASSWORDS.hash(GOOD)

    assert not PASSWORDS.is_outdated(stored)
    assert Passwords(PRE_21_2).is_outdated(stored)


@pytest.mark.parametrize("length", [0, CHARS_MIN - 1, CHARS_MAX + 1])
def test_a_password_has_8_to_256_characters(length: int) -> None:
    with pytest.raises(Invalid, match="8 to 256 characters"):
        check_acceptable(("kV9#" * 100)[:length], known_words=[])


@pytest.mark.parametrize("length", [CHARS_MIN, CHARS_MAX])
def test_the_limits_themselves_are_allowed(length: int) -> None:
    check_acceptable(("kV9#mq2!Rt" * 100)[:length], known_words=[])


@pytest.mark.parametrize(
    "password",
    ["password", "12345678", "qwertyuiop", "Password1", "letmein123", "aaaaaaaaaaaa", "iloveyou1", "P@ssw0rd"],
)
def test_what_anybody_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="too easy to guess"):
        check_acceptable(password, known_words=[])


def test_a_password_made_of_what_is_known_about_its_user_is_refused() -> None:
    check_acceptable("annaliese.b", known_words=[])

    with pytest.raises(Invalid, match="too easy to guess"):
        check_acceptable("annaliese.b", known_words=["annaliese.b", "Anna"])
