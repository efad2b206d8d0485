"""Verifiers inside other programs: what they must forget, and how long they may answer from memory (core/sponsor.py)."""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta
from starlette.responses import Response

from tallystick.core.errors import Invalid, Unavailable
from tallystick.core.rights import require_may_verify
from tallystick.core.sponsor import POLL_MS
from tallystick.http import bodies
from tallystick.http.guards import address_of
from tallystick.http.routes import Ask, json_answer, no_content
from tallystick.steady import steady

_ID_CHARS: Final = range(16, 65)
_Seq: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000_000)]  # of half a second: sums of it stay numbers of 64 bits


class Used(msgspec.Struct, forbid_unknown_fields=True):
    """How often a token was accepted since it was told last."""

    token_id: str
    count: _Count


class Sync(msgspec.Struct, forbid_unknown_fields=True):
    """`acked`: the number up to which all changes are applied; null: nothing is remembered yet.  `used`: up to 10,000."""

    acked: _Seq | None = None
    used: list[Used] = []


class Forget(msgspec.Struct):
    """What is to be forgotten: `kind` is `token`, `user` or `customer`; `id` is its id, veiled (docs/coherence.md)."""

    kind: str
    id: str


class Told(msgspec.Struct):
    """What came after `acked`, up to `upto`.

    `begin`: forget everything, and go on from `upto`.  `lease_ms`: when all of this is applied, memory is good for so long,
    from before this was asked for.
    """

    upto: int
    begin: bool
    changes: list[Forget]
    lease_ms: int


async def sync_verifier(ask: Ask) -> Response:
    """Tell a verifier what it must forget, as soon as there is something, within half a second otherwise; and give it a lease.

    It takes a token with the scope `verify`.  From now on who changes something waits for this verifier too: until it says,
    by asking again, that it has heard of that, or its lease has ended.
    """
    asked_at = steady()
    form = await bodies.read(ask.request, Sync, forms=False)
    require_may_verify(ask.caller)
    name, memory = _name(ask), ask.wiring.memory
    for used in form.used:
        at, ip = ask.now, address_of(ask.wiring, ask.request)
        ask.wiring.tally.reported += used.count
        ask.wiring.uses.add(used.token_id, at=at, count=used.count, ip=ip, user_agent=ask.user_agent)
    if form.acked is not None:
        await memory.confirm(name, form.acked)
        await memory.wait_for_news(form.acked, seconds=POLL_MS / 1000)
    granted = await memory.grant(name, form.acked, asked_at=asked_at)
    if granted.lease_ms <= 0:
        raise Unavailable("it took too long to come here: the lease would be over")
    changes = [Forget(change.kind.value, change.key) for change in granted.changes]
    return json_answer(Told(granted.upto, granted.begin, changes, granted.lease_ms))


async def leave_verifier(ask: Ask) -> Response:
    """A verifier answers from memory no more: nobody waits for it."""
    require_may_verify(ask.caller)
    await ask.wiring.memory.let_go_of(_name(ask))
    return no_content()


def _name(ask: Ask) -> str:
    """Who it is: its own name for itself, which nobody else can use, for it goes with its token."""
    given = ask.param("verifier_id")
    if len(given) not in _ID_CHARS or not given.isascii():
        raise Invalid("the id of a verifier is a random one of 16 to 64 characters", code="invalid_request")
    return f"{ask.caller.token.id} {given}"
