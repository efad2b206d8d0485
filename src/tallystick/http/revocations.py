"""Revoking by rule, not by id but by what is true of tokens; and receipts.  Not Fastly's: paths and shapes of our own."""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from tallystick.core import receipts, revoke
from tallystick.core.changes import Kind, Numbered
from tallystick.core.errors import Invalid
from tallystick.core.find import Wanted
from tallystick.core.revoke import Reason
from tallystick.http import bodies, wire
from tallystick.http.find import FILTERS
from tallystick.http.queries import read_one
from tallystick.http.routes import Ask, json_answer
from tallystick.http.times import exact_stamp

_Filter: TypeAlias = str | UnsetType
"""Not null: who sends that has a variable that is not set, and would revoke more than was meant."""


class RevokeMatching(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which tokens end: those of which all of it is true, at least one thing.  It is what lists of tokens can be asked for.

    `reason`: of RFC 5280, 5.3.1; it goes into the events.  `dry_run`: only look what would end.
    """

    created_before: _Filter = UNSET
    created_after: _Filter = UNSET
    used_before: _Filter = UNSET
    used_after: _Filter = UNSET
    expires_before: _Filter = UNSET
    unused_since: _Filter = UNSET
    search: _Filter = UNSET
    kind: _Filter = UNSET
    user_id: _Filter = UNSET
    service_id: _Filter = UNSET
    reason: Reason = Reason.UNSPECIFIED
    dry_run: bool = False


class Revocation(msgspec.Struct):
    """How many tokens ended, or with `dry_run` would have, and up to ten of them, the oldest first."""

    count: int
    dry_run: bool
    reason: Reason
    sample: list[wire.TokenRead]


class Changed(msgspec.Struct):
    """What a change was about: this token, this user, or with a `customer` whatever belongs to it."""

    kind: Kind
    id: str


class Receipt(msgspec.Struct):
    """That everybody had heard of a change, at `heard_at`: then nobody answered any more by what was before.

    `heard_at`, `verifiers`, `waited_ms` are null until that is noted, which is a little after the answer to the change.
    `changes`: up to a hundred of the `count` things that it was about.
    """

    seq: int
    created_at: str
    heard_at: str | None
    verifiers: int | None
    waited_ms: int | None
    request_id: str | None
    count: int
    changes: list[Changed]


_SEQ: Final = re.compile(r"[1-9][0-9]{0,17}")


async def revoke_matching(ask: Ask) -> Response:
    """Revoke all tokens of one's customer of which something is true, at once, as a superuser, with a token in sudo.

    The token that asks is never among them.  Closed to tokens that are limited to services, and to automation tokens.
    """
    if ask.request.query_params:
        raise Invalid("there is no query here: what is asked for goes into the body", code="invalid_request")
    form = await bodies.read(ask.request, RevokeMatching, forms=False)
    tokens, caller = ask.wiring.store.tokens, ask.caller
    revoke.require_may_revoke_by_rule(caller, now=ask.now)
    wanted = wanted_of({query.name: getattr(form, query.name) for query in FILTERS})
    if form.dry_run:
        met = await revoke.would_revoke(tokens, caller, wanted)
    else:
        met = await revoke.revoke_matching(tokens, caller, wanted, reason=form.reason, by=ask.by())
    quirk = wire.quirk_of(ask.user_agent)
    sample = [wire.token_read(ask.wiring.uses.latest(token), quirk) for token in met.sample]
    return json_answer(Revocation(met.count, form.dry_run, form.reason, sample))


async def get_receipt(ask: Ask) -> Response:
    """Read the receipt of a change again, by the number that its answer gave: of what one did oneself, or as a superuser."""
    asked = ask.param("seq")
    if _SEQ.fullmatch(asked) is None:
        raise receipts.no_such(asked)
    store = ask.wiring.store
    found = await receipts.find(store.changes, store.tokens, ask.caller, int(asked))
    return json_answer(_shown(ask.wiring.receipts.latest(found)))


def wanted_of(given: Mapping[str, _Filter]) -> Wanted:
    """What filters mean by name: the same as in a list.  Raises `Invalid`."""
    named = ((query, given.get(query.name, UNSET)) for query in FILTERS)
    return Wanted(**{query.name: read_one(query, value) for query, value in named if value is not UNSET})


def _shown(change: Numbered) -> Receipt:
    heard = change.heard
    return Receipt(
        seq=change.seq,
        created_at=exact_stamp(change.at),
        heard_at=None if heard is None else exact_stamp(heard.at),
        verifiers=None if heard is None else heard.verifiers,
        waited_ms=None if heard is None else heard.waited_ms,
        request_id=change.request_id,
        count=change.count,
        changes=[Changed(each.kind, each.key) for each in change.changes],
    )
