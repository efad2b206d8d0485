"""The master key and what is derived from it: sealed values open under the same key, for the same owner, unchanged."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core.errors import Invalid
from tallystick.identity.keys import Keys, new_key_file, parse_key_file

KEYS = Keys.derive(bytes(range(32)))


@given(st.binary(max_size=100), st.text(max_size=30))
def test_a_sealed_value_opens_for_its_owner(plaintext: bytes, owner: str) -> None:
    owner = owner.encode("utf-8", "replace").decode()

    assert KEYS.unseal(KEYS.seal(plaintext, owner=owner), owner=owner) == plaintext


def test_a_sealed_value_does_not_show_what_is_in_it_and_is_never_the_same_twice() -> None:
    secret = b"twenty bytes, exact."
    sealed = [KEYS.seal(secret, owner="u1") for _ in range(100)]

    assert len({one[:12] for one in sealed}) == 100, "a nonce used twice would break AES-GCM"
    assert not any(secret in one for one in sealed)


@pytest.mark.parametrize(
    "sealed, owner, keys",
    [
        (KEYS.seal(b"x", owner="u1"), "u2", KEYS),
        (KEYS.seal(b"x", owner="u1"), "u1", Keys.derive(bytes(32))),
        (KEYS.seal(b"x", owner="u1")[:-1], "u1", KEYS),
        (KEYS.seal(b"x", owner="u1") + b"\0", "u1", KEYS),
        (b"", "u1", KEYS),
        (bytes(11), "u1", KEYS),
        (bytes(40), "u1", KEYS),
    ],
    ids=["moved to another row", "another key", "cut", "longer", "empty", "shorter than a nonce", "made up"],
)
def test_whatever_does_not_fit_does_not_open(sealed: bytes, owner: str, keys: Keys) -> None:
    with pytest.raises(Invalid, match="does not open"):
        keys.unseal(sealed, owner=owner)


@given(st.integers(0, 28), st.integers(1, 255))
def test_one_changed_byte_is_noticed(position: int, by: int) -> None:
    sealed = bytearray(KEYS.seal(b"x", owner="u1"))
    sealed[position] ^= by

    with pytest.raises(Invalid):
        KEYS.unseal(bytes(sealed), owner="u1")


def test_every_use_has_a_key_of_its_own_and_the_same_file_gives_the_same() -> None:
    text = new_key_file()
    keys = parse_key_file(text)

    assert keys == parse_key_file(text)
    assert len({keys.digests, keys.guesses, keys._seals, bytes.fromhex(keys.fingerprint)}) == 4
    assert len(keys.digests) == len(keys.guesses) == len(keys._seals) == 32


def test_keys_never_print() -> None:
    shown = f"{KEYS!r} {KEYS} {[KEYS]}"

    assert f"Keys(fingerprint='{KEYS.fingerprint}', …)" in shown
    assert not any(key.hex() in shown or repr(key) in shown for key in (KEYS.digests, KEYS.guesses, KEYS._seals))


def test_two_new_key_files_differ() -> None:
    assert new_key_file() != new_key_file()


@pytest.mark.parametrize(
    "spoil",
    [lambda text: f"{text}\n", lambda text: text.strip(), lambda text: f"{text.strip()} \r\n"],
    ids=["empty line", "no line end", "Windows"],
)
def test_how_the_line_ends_does_not_matter(spoil: Callable[[str], str]) -> None:
    text = new_key_file()

    assert parse_key_file(spoil(text)) == parse_key_file(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tallystick-key-1:",
        "tallystick-key-1:c2hvcnQ=",
        "tallystick-key-2:" + "A" * 43 + "=",
        "A" * 43 + "=",
        "tallystick-key-1:é" + "A" * 42 + "=",
    ],
    ids=["empty", "no key", "short", "another format", "no header", "not ascii"],
)
def test_what_is_no_key_file_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_key_file(text)

    assert str(caught.value) == "it is not a key file: expected one line that starts with tallystick-key-1:"


@given(st.text())
def test_any_text_is_a_key_file_or_ours_to_refuse(text: str) -> None:
    with pytest.raises(Invalid):
        parse_key_file(text)


@given(st.binary(min_size=0, max_size=80))
def test_any_bytes_after_the_header_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        parse_key_file("tallystick-key-1:" + content.decode("latin-1"))
