"""A secret is seen once, by its holder; garbage is told from a real one without a look-up."""

import copy
import hashlib
import logging
import pickle
import traceback
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core import secret as module
from tallystick.core.secret import PREFIX, Secret, all_presented, digester, new_id, random_base62

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_secret_is_prefix_random_and_checksum_42_characters_in_all() -> None:
    plaintext = Secret.mint().reveal()

    assert plaintext.startswith("tly_")
    assert len(plaintext) == 42
    assert set(plaintext[4:]) <= set(ALPHABET)


def test_a_minted_secret_is_well_formed_and_unlike_every_other() -> None:
    minted = [Secret.mint() for _ in range(1000)]

    assert all(secret.is_well_formed() for secret in minted)
    assert len({secret.reveal() for secret in minted}) == 1000


def test_a_secret_never_prints(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret.mint()
    plaintext = secret.reveal()
    try:
        raise ValueError(secret)
    except ValueError:
        raised = traceback.format_exc()

    logging.getLogger("test").error("%s %r %s", secret, secret, {"key": [secret]})
    ways = [repr(secret), str(secret), f"{secret}", f"{secret!r:>60}", "%s" % secret, repr({"a": (secret,)}), raised]  # noqa: UP031

    assert "Secret(…)" in caplog.text
    assert all("Secret(…)" in way for way in ways)
    assert all(plaintext not in way and plaintext[4:12] not in way for way in [*ways, caplog.text])


def test_a_secret_never_goes_into_a_file() -> None:
    secret = Secret.mint()

    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)
    with pytest.raises(TypeError, match="not pickled"):
        copy.deepcopy([secret])
    with pytest.raises(TypeError, match="unsupported"):
        msgspec.json.encode(secret)
    with pytest.raises(TypeError):
        vars(secret)


def test_a_secret_is_neither_compared_nor_a_dictionary_key() -> None:
    one = Secret.mint()
    same = Secret(one.reveal())

    with pytest.raises(TypeError, match="not compared"):
        assert one == same
    with pytest.raises(TypeError, match="not compared"):
        assert one != same
    with pytest.raises(TypeError, match="not a dictionary key"):
        assert {one: 1}


@given(st.integers(0, 41), st.characters(min_codepoint=33, max_codepoint=0x2FF))
def test_the_checksum_catches_every_change_of_one_character(position: int, other: str) -> None:
    plaintext = Secret.mint().reveal()
    changed = plaintext[:position] + other + plaintext[position + 1 :]

    assert Secret(changed).is_well_formed() is (changed == plaintext)


@given(st.integers(4, 40))
def test_the_checksum_catches_two_neighbours_that_changed_places(position: int) -> None:
    plaintext = Secret.mint().reveal()
    swapped = plaintext[:position] + plaintext[position + 1] + plaintext[position] + plaintext[position + 2 :]

    assert Secret(swapped).is_well_formed() is (swapped == plaintext)


@given(st.text())
def test_garbage_is_not_well_formed(text: str) -> None:
    assert not Secret(text).is_well_formed()
    assert not Secret(PREFIX + text).is_well_formed()


@pytest.mark.parametrize("spoil", ["{}\n", " {}", "{}0", "x{}", "{}{}"])
def test_a_secret_is_its_exact_characters(spoil: str) -> None:
    plaintext = Secret.mint().reveal()

    assert not Secret(spoil.format(plaintext, plaintext)).is_well_formed()
    assert not Secret(plaintext.swapcase()).is_well_formed()


def test_only_ours_have_our_prefix() -> None:
    assert Secret.mint().is_ours()
    assert not Secret("kT3-exampleExample_0123456789AbCd").is_ours()


def test_a_digest_is_keyed_blake2b_of_the_whole_secret() -> None:
    secret, key = Secret.mint(), bytes(range(32))

    digest = digester(key)(secret)

    assert digest == hashlib.blake2b(secret.reveal().encode(), key=key, digest_size=32).digest()
    assert digest == digester(key)(Secret(secret.reveal()))
    assert digest != digester(bytes(32))(secret)


def test_a_digester_keeps_nothing_of_what_it_has_digested() -> None:
    digest = digester(bytes(32))
    secret = Secret.mint()
    first = digest(secret)

    digest(Secret.mint())

    assert digest(secret) == first


def test_what_is_no_text_has_a_digest_all_the_same() -> None:
    assert len(digester(bytes(32))(Secret("\ud800"))) == 32


def test_each_of_the_62_characters_stands_for_equally_many_bytes() -> None:
    kept = bytes(range(256)).translate(module._TO_BASE62, module._BIASED).decode()

    assert Counter(kept) == dict.fromkeys(ALPHABET, 4)


def test_characters_are_uniform_within_eight_standard_deviations() -> None:
    # One run in 10 ** 13 fails by chance.
    expected = 4000
    counts = Counter(random_base62(62 * expected))

    assert set(counts) == set(ALPHABET)
    assert all(abs(count - expected) < 8 * expected**0.5 for count in counts.values())


@given(st.integers(0, 200))
def test_random_text_is_as_long_as_asked_for(length: int) -> None:
    assert len(random_base62(length)) == length


def test_ids_are_22_characters_and_unlike_each_other() -> None:
    ids = {new_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert {len(one) for one in ids} == {22}


def test_what_was_presented_is_found_in_whichever_header_it_came_and_each_once() -> None:
    assert all_presented([("Fastly-Key", " a "), ("AUTHORIZATION", "bearer a"), ("x-other", "b")]) == {"a"}
    assert all_presented([("fastly-key", "a"), ("Authorization", "Bearer  b")]) == {"a", "b"}
    assert all_presented([("fastly-key", ""), ("authorization", "Bearer "), ("authorization", "Basic Yg==")]) == set()
