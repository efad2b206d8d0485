"""What of a change to a user is written, and whose it is to make."""

import pytest

from tallystick.core import rights
from tallystick.core.errors import Forbidden
from tallystick.core.people import Role, User, UserChange
from tests.core.world import ANNA, BERT, ROOT, caller, user

ENGINEER = user("someone", Role.ENGINEER)
EVERYTHING = UserChange(login="new@example.com", name="New", role=Role.ENGINEER, locked=False)


def test_what_people_send_along_of_themselves_is_not_written_lest_it_undo_what_was_changed_meanwhile() -> None:
    permitted = rights.permitted(EVERYTHING, caller(ENGINEER), ENGINEER.id)

    assert permitted == UserChange(login="new@example.com", name="New")


@pytest.mark.parametrize("whose", [ROOT, ANNA])
def test_what_a_superuser_wants_changed_is_written_whole(whose: User) -> None:
    assert rights.permitted(EVERYTHING, caller(ROOT), whose.id) == EVERYTHING


@pytest.mark.parametrize(
    "change", [UserChange(role=Role.SUPERUSER), UserChange(role=Role.USER), UserChange(locked=True)]
)
def test_nobody_else_changes_what_they_may(change: UserChange) -> None:
    with pytest.raises(Forbidden):
        rights.permitted(change, caller(ENGINEER), ENGINEER.id)
    with pytest.raises(Forbidden):
        rights.permitted(UserChange(name="x"), caller(ENGINEER), BERT.id)
