"""What people have filled in: each field with all its values, read once, with the mark of the session."""

from collections.abc import Mapping, Sequence

from tallystick.core.errors import Forbidden
from tallystick.http import bodies
from tallystick.http.routes import Ask
from tallystick.web import session


class Form:
    """The fields of a form.  It may hold a password: it never prints."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def one(self, name: str) -> str:
        """The value of a field, without spaces around it; empty when it did not come."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """The same as it came: for passwords."""
        return self._fields.get(name, [""])[-1]

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a field, each once, in the order in which they came; none that is empty."""
        return tuple(dict.fromkeys(value for value in self._fields.get(name, ()) if value))

    def number(self, name: str) -> int | None:
        """A number that a page has put in; None when there is none.  What was changed by hand is 0, which fits nothing."""
        given = self.one(name)
        if not given:
            return None
        return int(given) if given.isascii() and given.isdecimal() and len(given) < 19 else 0

    def has(self, name: str) -> bool:
        """Whether it came, and is not empty: a box that is ticked, a button that was pressed."""
        return bool(self.one(name))

    def __repr__(self) -> str:
        return "Form(…)"


NOTHING = Form({})


async def read(ask: Ask, *, visiting: str | None = None) -> Form:
    """The form of this request.  Raises `Forbidden` when it was not made for this session (or visit), and as `bodies` does."""
    fields = await bodies.read_fields(ask.request)
    given = (fields.get("mark") or [""])[-1]
    if not session.is_marked(ask.request, ask.wiring.digest, given, visiting=visiting):
        raise Forbidden(
            "This form belongs to another session", detail="Nothing was done: open the page again, and try once more"
        )
    return Form(fields)
