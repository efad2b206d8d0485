"""Verification in somebody's own process: what is remembered, what is asked, what is followed.  No I/O: flows, as everywhere.

It is the same memory as a server's worker has (`core/verifier.py`), under the same rules; a worker speaks for it in the store.
"""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import blake2b
from sys import intern
from typing import Any, Final

import msgspec

from tallystick.client._flow import Flow
from tallystick.client._line import Body, Line
from tallystick.client.models._read import decode
from tallystick.core.changes import Change, Kind
from tallystick.core.known import Customers, Known
from tallystick.core.limits import Asked, Limits, enforced
from tallystick.core.may import has_scope, is_limited_to
from tallystick.core.scope import told
from tallystick.core.secret import Digest, Secret
from tallystick.core.sponsor import veil
from tallystick.core.verifier import FOREVER, Grant, Verifier, Whose

REPORTED_MAX: Final = 10_000
CLOSED: Final = "This verifier has been closed."
_LAPSED_MS: Final = 60_000
"""Who has held no lease for so long begins again: the server may have another history by then, from a backup."""
_BYTES: Final = 540  # of one grant, apart from long lists


class Verdict(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """May this token?  `ok`, which is also what a verdict is in an `if`; else `reason`.

    `reason`: `invalid` (unknown, revoked, or its user is locked), `expired`, `scope`, `service`, or the limit of its own that
    refuses: `networks`, `not_before`, `rules`, `per_second`, `per_minute`, `per_day`, `uses`.  `retry_after`: in how many seconds
    there are requests again, where there were too many.  Of an invalid one nothing else is known.  `user_id`: None for an
    automation token.  `scope`: what it gives, words with spaces between, also those that others include.  `services`: ids of those
    it is limited to, none means all.  `expires_at`: RFC 3339.
    """

    ok: bool
    reason: str | None = None
    token_id: str | None = None
    user_id: str | None = None
    customer_id: str | None = None
    scope: str = ""
    services: tuple[str, ...] = ()
    expires_at: str | None = None
    retry_after: int | None = None

    def __bool__(self) -> bool:
        return self.ok


class _Limited(msgspec.Struct, frozen=True, gc=False):
    """What is remembered of a token with limits of its own.  `not_before` stands on the steady clock here."""

    verdict: Verdict
    limits: Limits


class _Checked(msgspec.Struct):
    """One of `POST /check/batch`."""

    ok: bool
    reason: str | None = None
    token_id: str | None = None
    user_id: str | None = None
    customer_id: str | None = None
    scope: str | None = None
    services: tuple[str, ...] = ()
    expires_at: str | None = None
    lasts_ms: int | None = None
    begins_in_ms: int | None = None
    limits: Limits | None = None
    counted: bool = False
    retry_after: int | None = None


class _Batch(msgspec.Struct):
    as_of: int
    checked: list[_Checked]


class _Forget(msgspec.Struct):
    kind: Kind
    id: str


class _Told(msgspec.Struct):
    """Of `POST /verifiers/{id}/sync`."""

    upto: int
    begin: bool
    changes: list[_Forget]
    lease_ms: int


_BATCH: Final = msgspec.json.Decoder(_Batch)
_TOLD: Final = msgspec.json.Decoder(_Told)
_INVALID: Final = Verdict(ok=False, reason="invalid")


class Memory:
    """What one process remembers of tokens that a server has let in.  `steady`: ms, counts suspension.  `lock`: for writers."""

    def __init__(
        self,
        line: Line,
        *,
        most: int,
        most_bytes: int,
        steady: Callable[[], int],
        lock: AbstractContextManager[object],
    ) -> None:
        line.require_tallystick("verification in one's own process")
        self._steady = steady
        self._limits = (most, most_bytes)
        self.begin(line, lock)

    def begin(self, line: Line, lock: AbstractContextManager[object]) -> None:
        """As new, under another name: at first, and in a process that was forked off, which must not speak for its parent."""
        most, most_bytes = self._limits
        self._line, self._lock = line, lock
        self._id = secrets.token_urlsafe(24)
        self._key = secrets.token_bytes(32)
        self.verifier = Verifier[Verdict | _Limited](size=_size, most=most, most_bytes=most_bytes)
        self._customers = Customers(self.verifier)
        self._used: list[Grant[Verdict | _Limited]] = []
        self._began = False

    def recall(
        self,
        secret: str,
        scope: str | None,
        service: str | None,
        ip: str | None = None,
        method: str | None = None,
        uri: str | None = None,
        host: str | None = None,
        *,
        again: bool = False,
    ) -> Verdict | None:
        """The verdict by memory.  None: it does not know, the server has to be asked.  `again`: it is no further use."""
        try:
            digest: Any = blake2b(secret.encode(), key=self._key, digest_size=16).digest()
        except UnicodeEncodeError:
            return _INVALID
        now = self._steady()
        grant = self.verifier.recall(digest, now)
        if grant is None:
            return None
        kept = grant.what
        verdict, limits = (kept.verdict, kept.limits) if isinstance(kept, _Limited) else (kept, None)
        if scope is not None and not has_scope(told(verdict.scope), scope):
            return msgspec.structs.replace(verdict, ok=False, reason="scope")
        if service is not None:
            reached = is_limited_to(verdict.services, service)
            if reached is False:
                return msgspec.structs.replace(verdict, ok=False, reason="service")
            if reached is None and not self._reaches(grant, service):
                return None
        if limits is not None:
            refused = enforced(limits, Asked(ip, method, uri, host), now)
            if refused is not None:
                return msgspec.structs.replace(verdict, ok=False, reason=refused.value)
        if not again:
            self._count(grant)
        return verdict

    def _count(self, grant: Grant[Verdict | _Limited]) -> None:
        if grant.hits == 0:
            self._used.append(grant)
        grant.hits += 1

    def _reaches(self, grant: Grant[Verdict | _Limited], service: str) -> bool:
        """Whether it is known that this is one of the customer's.  What is known holds for as long as the grant does."""
        known = grant.prepared
        if not isinstance(known, Known) or service not in known.reached:
            known = grant.prepared = self._customers.recall(grant.party.customer_id)
        return known is not None and service in known.reached

    def ask(
        self, secret: str, scope: str | None, service: str | None, *, again: bool = False, **request: str | None
    ) -> Flow[Verdict]:
        """The verdict by the server, which is remembered if the token is good, whatever it was asked for.

        `request`: `ip`, `method`, `uri`, `host`.  What is counted there, or reported, is not remembered.
        """
        if not secret.isascii() or (Secret(secret).is_ours() and not Secret(secret).is_well_formed()):
            return _INVALID
        noted = self._steady()
        asked = {"scope": scope, "service": service, "again": again or None, **request}
        wanted = {name: value for name, value in asked.items() if value is not None}
        body = Body(
            media="application/json", content=msgspec.json.encode([{"secret": secret, **wanted}]), hidden=(secret,)
        )
        answer = yield from self._line.ask("POST", "/check/batch", body)
        batch = decode(_BATCH, answer.body)
        found = batch.checked[0]
        if found.token_id is not None and found.customer_id is not None and not found.counted:
            with self._lock:
                self._learn(secret, found, service, as_of=batch.as_of, noted=noted)
        return _verdict(found, ok=found.ok, reason=found.reason)

    def sync(self) -> Flow[None]:
        """Tell the server what has been heard and used, hear what has changed, and hold the lease that comes with it."""
        noted, used = self._steady(), self._take_used()
        lapsed = noted - self.verifier.lease_until > _LAPSED_MS
        acked = None if not self._began or lapsed else self.verifier.applied
        report = [{"token_id": token_id, "count": count} for token_id, count in used.items()]
        body = Body(media="application/json", content=msgspec.json.encode({"acked": acked, "used": report}))
        answer = yield from self._line.ask("POST", f"/verifiers/{self._id}/sync", body)
        told = decode(_TOLD, answer.body)
        with self._lock:
            if told.begin:
                self.verifier.begin(at=told.upto)
            else:
                self.verifier.hear([Change(each.kind, each.id) for each in told.changes], upto=told.upto)
            self._began = True
            # From before it was asked for: on its way the server's clock went on.
            self.verifier.hold(until=noted + told.lease_ms)

    def leave(self) -> Flow[None]:
        """Answer by memory no more, and say so, so that nobody waits for us."""
        self.verifier.let_go()
        yield from self._line.ask("DELETE", f"/verifiers/{self._id}")

    def holds_lease(self) -> bool:
        """Whether memory may answer."""
        return self.verifier.holds_lease(self._steady())

    def _learn(self, secret: str, found: _Checked, service: str | None, *, as_of: int, noted: int) -> None:
        assert found.token_id is not None, "only what is known is learned"
        assert found.customer_id is not None, "every token is some customer's"
        user = None if found.user_id is None else veil(found.user_id)
        whose = Whose(veil(found.token_id), user, veil(found.customer_id))
        until = FOREVER if found.lasts_ms is None else noted + found.lasts_ms
        digest = Digest(blake2b(secret.encode(), key=self._key, digest_size=16).digest())
        self.verifier.learn(digest, self._kept(found), whose, as_of=as_of, until=until)
        if found.ok and service is not None and not found.services:
            self._customers.learn(whose.customer_id, as_of=as_of, reached=[service])

    def _kept(self, found: _Checked) -> Verdict | _Limited:
        verdict = _verdict(found, ok=True)
        if found.limits is None:
            return verdict
        # From now, when the answer is there, and not from when it was asked for: begun too late is better than too early.
        begins = None if found.begins_in_ms is None else self._steady() + found.begins_in_ms
        return _Limited(verdict, msgspec.structs.replace(found.limits, not_before=begins))

    def _take_used(self) -> dict[str, int]:
        some, self._used = self._used[:REPORTED_MAX], self._used[REPORTED_MAX:]
        used: dict[str, int] = {}
        for grant in some:
            count, grant.hits = grant.hits, 0
            token_id = _said_of(grant.what).token_id
            if token_id is not None:
                used[token_id] = used.get(token_id, 0) + count
        return used


def _verdict(found: _Checked, *, ok: bool, reason: str | None = None) -> Verdict:
    return Verdict(
        ok=ok,
        reason=reason,
        token_id=found.token_id,
        # Many tokens have these in common: each text is kept once.
        user_id=None if found.user_id is None else intern(found.user_id),
        customer_id=None if found.customer_id is None else intern(found.customer_id),
        scope=intern(found.scope or ""),
        services=found.services,
        expires_at=found.expires_at,
        retry_after=found.retry_after,
    )


def _said_of(kept: Verdict | _Limited) -> Verdict:
    return kept.verdict if isinstance(kept, _Limited) else kept


def _size(kept: Verdict | _Limited) -> int:
    own = (*kept.limits.networks, *kept.limits.rules) if isinstance(kept, _Limited) else ()
    return _BYTES + sum(len(each) + 60 for each in (*_said_of(kept).services, *own))
