"""What is handed out to be given back: only as it was, and only as what it was."""

import msgspec
import pytest

from tallystick.core.errors import Invalid
from tallystick.core.secret import digester
from tallystick.http import cursors

DIGEST = digester(bytes(32))


class Half(msgspec.Struct, frozen=True, array_like=True):
    user: str
    until: int


class Other(msgspec.Struct, frozen=True, array_like=True):
    """The same fields, for something else."""

    user: str
    until: int


def test_what_was_sealed_comes_back() -> None:
    assert cursors.unseal(cursors.seal(Half("anna", 7), DIGEST), Half, DIGEST) == Half("anna", 7)


def test_one_kind_does_not_pass_for_another_that_has_the_same_fields() -> None:
    with pytest.raises(Invalid):
        cursors.unseal(cursors.seal(Half("anna", 7), DIGEST), Other, DIGEST)


def test_what_was_changed_by_one_character_is_none_of_ours() -> None:
    text = cursors.seal(Half("anna", 7), DIGEST)

    for changed in (text[:-1], f"{text}A", f"{'B' if text[0] == 'A' else 'A'}{text[1:]}", ""):
        with pytest.raises(Invalid):
            cursors.unseal(changed, Half, DIGEST)
