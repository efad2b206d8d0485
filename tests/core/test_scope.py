"""What a token allows: read exactly as written, never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.core.errors import Forbidden, Invalid
from tallystick.core.scope import WORDS, Scope, require_read, require_write, stored


@given(st.lists(st.sampled_from(WORDS), min_size=1, unique=True))
def test_a_scope_keeps_its_words_in_the_order_asked_for(words: list[str]) -> None:
    scope = Scope.parse(" ".join(words))

    assert list(scope.words) == words
    assert str(scope) == " ".join(words)
    assert stored(str(scope)) == scope


def test_a_word_given_twice_counts_once_and_spaces_do_not_matter() -> None:
    assert str(Scope.parse("  purge_all   purge_select purge_all ")) == "purge_all purge_select"


@pytest.mark.parametrize("text", ["", "   ", "root", "global root", "GLOBAL", "global,global:read", "global:write"])
def test_an_unknown_word_or_none_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(Invalid, match="use one or more of global, global:read, purge_all, purge_select") as caught:
        Scope.parse(text)

    assert caught.value.code == "invalid_scope"


@given(st.text())
def test_any_text_is_a_scope_or_ours_to_refuse(text: str) -> None:
    try:
        scope = Scope.parse(text)
    except Invalid:
        return
    assert set(scope.words) <= set(WORDS)


@pytest.mark.parametrize(
    "text, reads, writes",
    [
        ("global", True, True),
        ("global:read", True, False),
        ("purge_all", False, False),
        ("purge_select", False, False),
        ("purge_all purge_select", False, False),
        ("purge_all global:read", True, False),
        ("purge_all global", True, True),
    ],
)
def test_only_global_writes_and_only_the_globals_read(text: str, reads: bool, writes: bool) -> None:
    scope = Scope.parse(text)

    assert (scope.reads, scope.writes) == (reads, writes)


def test_a_read_only_token_is_told_so_in_the_recorded_words() -> None:
    with pytest.raises(Forbidden) as caught:
        require_write(Scope.parse("purge_all global:read"))

    assert str(caught.value) == "Read only tokens are not allowed to access this endpoint"


def test_a_purge_token_is_told_which_scope_it_takes() -> None:
    with pytest.raises(Forbidden, match=r"Tokens with scope purge_all are not allowed .* it takes global$"):
        require_write(Scope.parse("purge_all"))
    with pytest.raises(Forbidden, match=r"it takes global or global:read$"):
        require_read(Scope.parse("purge_all"))


def test_global_passes_both() -> None:
    require_read(Scope.parse("global"))
    require_write(Scope.parse("global"))
    require_read(Scope.parse("global:read"))


def test_a_stored_scope_stays_readable_when_its_word_has_been_dropped() -> None:
    assert str(stored("purge_all retired")) == "purge_all retired"
