"""One-time codes as RFC 6238 has them."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.identity import totp

RFC_SECRET = b"12345678901234567890"
STEP = 30_000


@pytest.mark.parametrize(
    "seconds, code",
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_rfc_6238_appendix_b(seconds: int, code: str) -> None:
    # The appendix has eight digits; six are the last six of them.
    now = seconds * 1000

    assert totp.code_at(RFC_SECRET, now) == code[2:]
    assert totp.matching_step(RFC_SECRET, code[2:], now) == seconds // 30


@given(st.integers(100, 10**9), st.integers(0, STEP - 1))
def test_one_step_of_drift_is_accepted_and_two_are_not(step: int, within: int) -> None:
    now = step * STEP + within
    codes = {drift: totp.code_at(RFC_SECRET, now + drift * STEP) for drift in range(-3, 4)}
    near = [codes[drift] for drift in (-1, 0, 1)]

    assert {totp.matching_step(RFC_SECRET, codes[drift], now) for drift in (-1, 0, 1)} <= {step - 1, step, step + 1}
    # By chance two steps may share a code, once in about 170,000.
    assert all(
        totp.matching_step(RFC_SECRET, codes[far], now) is None for far in (-3, -2, 2, 3) if codes[far] not in near
    )


def test_a_code_says_which_step_it_is_of_so_that_each_can_be_used_once() -> None:
    now = 1_000_000 * STEP

    steps = [totp.matching_step(RFC_SECRET, totp.code_at(RFC_SECRET, now + drift * STEP), now) for drift in (-1, 0, 1)]

    assert steps == [999_999, 1_000_000, 1_000_001]


def test_spaces_around_a_code_do_not_matter() -> None:
    now = 1_000_000 * STEP

    assert totp.matching_step(RFC_SECRET, f" {totp.code_at(RFC_SECRET, now)} ", now) == 1_000_000


@given(st.text())
def test_any_text_is_a_code_or_none(text: str) -> None:
    now = 59_000
    codes = {totp.code_at(RFC_SECRET, now + drift * STEP) for drift in (-1, 0, 1)}

    assert (totp.matching_step(RFC_SECRET, text, now) is not None) is (text.strip() in codes)


@pytest.mark.parametrize("code", ["", "28708", "2870822", "94287082", "٢٨٧٠٨٢", "\ud800"])
def test_only_six_ascii_digits_are_a_code(code: str) -> None:
    assert totp.matching_step(RFC_SECRET, code, 59_000) is None


def test_a_secret_has_160_bits_and_an_app_can_read_it() -> None:
    secret = totp.new_secret()

    uri = urlsplit(totp.otpauth_uri(secret, login="anna+x@example.com"))

    assert len(secret) == 20
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert parse_qs(uri.query)["secret"] == [totp.base32(secret)]
    assert secret != totp.new_secret()
