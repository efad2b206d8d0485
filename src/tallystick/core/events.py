"""Who did what: each change leaves one event, written in the transaction of the change itself.

Every method of a store that changes something takes its `Origin`: a write that forgets to say who is behind it does not
type-check.  What an event tells of a record is decided here, once, for all stores.  Records hold no secret; what people put
into a name by mistake is taken out.
"""

from typing import Any, Final

import msgspec

from tallystick.core.people import Customer, Service, User
from tallystick.core.scopes import Catalogue
from tallystick.core.secret import new_id, redacted
from tallystick.core.token import Token

Record = Customer | User | Service | Token | Catalogue
Fields = dict[str, Any]  # a record's fields by name; whatever its types hold


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes something, by which token, from where, and when (`at`: ms since the epoch, UTC).

    `user_id`: None for an automation token, and for whoever works on the database itself.  `token_id`: None when a password
    alone was the proof.  `user_agent`, `request_id`: by its own account.
    """

    at: int
    user_id: str | None = None
    token_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One change.  `before`, `after`: the fields that it is about, None where there was or is nothing."""

    id: str
    customer_id: str
    action: str
    target_kind: str
    target_id: str
    before: Fields | None
    after: Fields | None
    reason: str | None
    by: Origin


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """Which events are looked for; None = any.  `action`: one, or all that begin with it and a dot.

    `since`, `until`: instants, ms since the epoch; the first belongs to what is looked for, the second does not.
    """

    user_id: str | None = None
    token_id: str | None = None
    target_id: str | None = None
    action: str | None = None
    request_id: str | None = None
    since: int | None = None
    until: int | None = None

    def matches(self, event: Event) -> bool:
        """Whether this is one of them."""
        by = event.by
        exact = (
            (self.user_id, by.user_id),
            (self.token_id, by.token_id),
            (self.target_id, event.target_id),
            (self.request_id, by.request_id),
        )
        return (
            all(wanted in (None, found) for wanted, found in exact)
            and (self.action is None or f"{event.action}.".startswith(f"{self.action}."))
            and (self.since is None or by.at >= self.since)
            and (self.until is None or by.at < self.until)
        )


def created(record: Record, by: Origin) -> Event:
    """Somebody made it."""
    return _event("create", record, None, _told(record), by)


def removed(record: Record, by: Origin, *, action: str = "delete", reason: str | None = None) -> Event:
    """It is over: deleted, or, for a token, revoked."""
    return _event(action, record, _told(record), None, by, reason)


def changed(before: Record, after: Record, by: Origin, *, action: str = "update") -> Event:
    """It is different now.  Only what differs is told; what no field tells of, such as another authenticator, is noted."""
    old, new = _told(before), _told(after)
    differing = [name for name in old | new if old.get(name) != new.get(name)]
    if not differing:
        return noted(action, after, by)
    was, became = ({name: told.get(name) for name in differing} for told in (old, new))
    return _event(action, after, was, became, by)


def revoked(token: Token, by: Origin, *, reason: str | None = None) -> Event:
    """A token's life ended before its time."""
    return removed(token, by, action="revoke", reason=reason)


def noted(action: str, record: Record, by: Origin) -> Event:
    """Something was done of which no field tells: a new password, a row of failed guesses that was forgotten."""
    return _event(action, record, None, None, by)


# When a record was last touched says the event itself; ids stand beside it; how a token is used is no change.
_NOT_TOLD: Final = frozenset({"id", "customer_id", "updated_at", "last_use", "revoked_at"})


def _told(record: Record) -> Fields:
    fields: Fields = msgspec.to_builtins(record)
    if isinstance(record, Token):
        limits = msgspec.json.decode(msgspec.json.encode(record.limits))  # as it is kept: lists, and only what there is
        fields |= {"scope": str(record.scope), "services": list(record.services), "limits": limits}
    if isinstance(record, Catalogue):
        fields = {each.name: str(each) for each in record.scopes}
    told = {name: value for name, value in fields.items() if name not in _NOT_TOLD and value is not None}
    return {name: redacted(value) if isinstance(value, str) else value for name, value in told.items()}


def _event(
    verb: str, record: Record, before: Fields | None, after: Fields | None, by: Origin, reason: str | None = None
) -> Event:
    kind = type(record).__name__.lower()
    customer_id = record.id if isinstance(record, Customer) else record.customer_id
    return Event(
        id=new_id(),
        customer_id=customer_id,
        action=f"{kind}.{verb}",
        target_kind=kind,
        target_id=record.id,
        before=before,
        after=after,
        reason=reason,
        by=by,
    )
