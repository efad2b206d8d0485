"""The tree of errors, as the docstring draws it, is the tree that is raised."""

import inspect
import re

import pytest

from tallystick.core import errors
from tallystick.core.errors import TallystickError, Throttled, Unavailable


def drawn() -> dict[str, str]:
    """Child → parent, out of the picture in the module's docstring."""
    parents = {"TallystickError": "Exception"}
    above: list[tuple[int, str]] = [(-1, "TallystickError")]
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"(?P<lead>[\s│]*[├└]── )(?P<name>\w+)", line):
            depth = len(found["lead"])
            while above[-1][0] >= depth:
                above.pop()
            parents[found["name"]] = above[-1][1]
            above.append((depth, found["name"]))
    return parents


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    classes = [thing for _, thing in inspect.getmembers(errors, inspect.isclass) if thing.__module__ == errors.__name__]

    assert drawn() == {one.__name__: one.__base__.__name__ for one in classes if one.__base__ is not None}


def test_an_error_shows_its_sentence_and_nothing_else() -> None:
    error = errors.Invalid("name is too long", detail="detail", code="code", status=400)
    error.__cause__ = ValueError("what only the operator may know")

    assert str(error) == "name is too long"
    assert (error.msg, error.detail, error.code, error.status, error.retry_after) == (
        *("name is too long", "detail", "code", 400),
        None,
    )


@pytest.mark.parametrize("kind", [Throttled, Unavailable])
def test_what_passes_by_itself_says_when_to_try_again(kind: type[TallystickError]) -> None:
    assert kind("later").retry_after == 1
    assert kind("later", retry_after=30).retry_after == 30
    assert kind("later", retry_after=0).retry_after == 0
