"""What is ready to be said of a remembered token: made once for each, and as true as the grant that it is kept with."""

from typing import Final

import msgspec
from msgspec.structs import replace

from tallystick.core.caller import Caller
from tallystick.core.known import Known
from tallystick.core.ports import Seen
from tallystick.core.rights import reached
from tallystick.core.token import LastUse
from tallystick.http import check, wire
from tallystick.http.asked import Answer
from tallystick.http.times import stamp

NO_STORE: Final = ("cache-control", "no-store")
AS_JSON: Final = ("content-type", "application/json")
as_json: Final = msgspec.json.Encoder().encode
_MARK: Final = "\x00"  # stands in no text of ours: where the parts that differ from request to request go


class Ready(msgspec.Struct):
    """`check`: a whole answer.  `read`: the four parts of `GET /tokens/self`, between which time, address and agent go.

    `verified`: the answers of `GET /verify`, by query.  `known`: what the customer's services were last found in.
    """

    check: Answer | None = None
    read: tuple[bytes, ...] | None = None
    verified: dict[str, Answer] = msgspec.field(default_factory=dict)
    known: Known | None = None


def made_check(ready: Ready, seen: Seen) -> Answer:
    """That the token may."""
    names = check.names(seen.token).items()
    ready.check = answer = 200, [NO_STORE, ("content-length", "2"), AS_JSON, *names], b"{}"
    return answer


def made_read(ready: Ready, seen: Seen) -> tuple[bytes, ...]:
    """What stays the same of a token that is read."""
    read = wire.token_read(replace(seen.token, last_use=LastUse(0, _MARK, _MARK)), wire.quirk_of(""))
    read.last_used_at = _MARK
    ready.read = parts = tuple(as_json(read).split(as_json(_MARK)))
    return parts


def verified(seen: Seen, known: Known, *, with_services: bool) -> Answer | None:
    """Whose the token is, and what it reaches; None where not all of that is known."""
    if known.customer is None or (with_services and known.services is None):
        return None
    services = reached(known.services or (), Caller(seen.token, seen.user)) if with_services else None
    body = as_json(wire.verified(known.customer, seen.user, services, seen.token))
    return 200, [NO_STORE, ("content-length", str(len(body))), AS_JSON], body


class Stamp:
    """An instant as it stands within an answer: made once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def of(self, instant: int) -> bytes:
        """`instant`: ms since the epoch."""
        second = instant // 1000
        if second != self._second:
            self._text, self._second = as_json(stamp(instant)), second
        return self._text
