"""The verification lane: what is asked on every request of somebody's API, answered from memory before the router is reached.

It answers only what it can answer at once, and to the byte as the ordinary route would; everything else (a token that is not
remembered, a lease that is over, headers that take thought) goes on to that route.

Each line here runs tens of thousands of times a second: what an answer needs is asked for by name, and made once if it can be.
"""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from tallystick.core.errors import Unavailable
from tallystick.core.limits import Asked as Limited
from tallystick.core.may import has_scope, is_limited_to
from tallystick.core.ports import Seen
from tallystick.core.secret import SECRET_CHARS, Secret
from tallystick.core.token import LastUse, Token
from tallystick.core.verifier import Grant
from tallystick.http import admitting, check, wire
from tallystick.http.asked import Answer, Asked, Given, host_of
from tallystick.http.ready import AS_JSON, NO_STORE, Ready, Stamp, as_json, made_check, made_read, verified
from tallystick.http.routes import Wiring
from tallystick.steady import steady

_PLAIN: Final = re.compile(r"[A-Za-z0-9_:-]+")  # needs no decoding
_HOSTS_MAX: Final = 10_000
_KEPT_BYTES_MAX: Final = 4096
_NONE: Final = frozenset[str]()
_READS: Final = frozenset({"GET", "HEAD"})
_Make: TypeAlias = Callable[[Asked, Given, Grant[Seen]], Answer | None]


class Lane:
    """Asked before the router."""

    def __init__(self, wiring: Wiring) -> None:
        self._memory = wiring.memory
        self._recall = wiring.memory.verifier.recall
        self._digest = wiring.digest.of
        self._now = wiring.clock.now
        self._touch = wiring.uses.touch
        self._admission = wiring.admission
        self._tally = wiring.tally
        self._proxies = wiring.proxies
        self._proxied = wiring.proxies.any
        self._stamp = Stamp()
        self._hosts: dict[str, str | None] = {}
        self._paths: dict[str, tuple[frozenset[str], _Make]] = {
            "/tokens/self": (_READS, self._read_self),
            "/check": (check.METHODS, self._check),
            "/verify": (_READS, self._verify),
        }

    def answer(self, asked: Asked) -> Answer | None:
        """The answer, if it is known here and now.  None says nothing: ask the router.

        To HEAD it has the body of GET: it is for whoever sends it to leave that out.
        """
        path = self._paths.get(asked.path)
        if path is None:
            return None
        methods, make = path
        headers = asked.headers
        key = _key(headers) if asked.method in methods else None
        # Shape and checksum need no look: what is remembered has them.
        if key is None or len(key) != SECRET_CHARS:
            return None
        grant = self._recall(self._digest(key.encode()), steady())
        return None if grant is None else make(asked, headers, grant)

    async def answer_from_store(self, asked: Asked) -> Answer | None:
        """The same for a token that was not remembered: it is looked up, and then it is.  What went wrong is the router's to say."""
        methods, make = self._paths.get(asked.path, (_NONE, self._check))
        headers = asked.headers
        key = _key(headers) if asked.method in methods else None
        if key is None or not Secret(key).is_well_formed() or not self._memory.verifier.holds_lease(steady()):
            return None
        digest = self._digest(key.encode())
        try:
            await self._memory.look_up(digest)
        except Unavailable:
            return None
        grant = self._recall(digest, steady())
        answer = None if grant is None else make(asked, headers, grant)
        self._tally.answered_late += answer is not None
        return answer

    def _read_self(self, asked: Asked, headers: Given, grant: Grant[Seen]) -> Answer | None:
        token = grant.what.token
        if wire.quirk_of(headers.get("user-agent") or "").leave_out_nulls:
            return None
        use = self._use(asked, headers, token, about_itself=True)
        if use is None:
            return None
        ready = _ready(grant)
        first, second, third, last = ready.read or made_read(ready, grant.what)
        at, ip, agent = self._stamp.of(use.at), as_json(use.ip), as_json(use.user_agent)
        body = b"".join((first, at, second, ip, third, agent, last))
        return 200, [NO_STORE, ("content-length", str(len(body))), AS_JSON], body

    def _check(self, asked: Asked, headers: Given, grant: Grant[Seen]) -> Answer | None:
        query = asked.query_string
        if (query and not self._may(grant, query)) or self._use(asked, headers, grant.what.token) is None:
            return None
        ready = _ready(grant)
        return ready.check or made_check(ready, grant.what)

    def _may(self, grant: Grant[Seen], query: str) -> bool:
        """Whether this one question is plainly answered with yes."""
        token = grant.what.token
        name, _, value = query.partition("=")
        if name not in ("scope", "service") or _PLAIN.fullmatch(value) is None:
            return False
        if name == "scope":
            return has_scope(token.scope, value)
        limited = is_limited_to(token.services, value)
        return self._reaches(grant, value) if limited is None else limited

    def _reaches(self, grant: Grant[Seen], service_id: str) -> bool:
        ready = _ready(grant)
        if ready.known is None or service_id not in ready.known.reached:
            ready.known = self._memory.customers.recall(grant.what.token.customer_id)
        return ready.known is not None and service_id in ready.known.reached

    def _verify(self, asked: Asked, headers: Given, grant: Grant[Seen]) -> Answer | None:
        query = asked.query_string
        if query not in ("", "services=false"):
            return None
        ready = _ready(grant)
        answer = ready.verified.get(query) or self._verified(grant.what, query)
        if answer is None or self._use(asked, headers, grant.what.token, about_itself=True) is None:
            return None
        if len(answer[2]) <= _KEPT_BYTES_MAX:
            ready.verified[query] = answer
        return answer

    def _verified(self, seen: Seen, query: str) -> Answer | None:
        known = self._memory.customers.recall(seen.token.customer_id)
        return None if known is None else verified(seen, known, with_services=not query)

    def _use(self, asked: Asked, headers: Given, token: Token, *, about_itself: bool = False) -> LastUse | None:
        """Note the use that is being answered.  None when the ordinary route must look at it."""
        agent, now, client = headers.get("user-agent"), self._now(), asked.client
        if (agent is None and "user-agent" in headers) or token.is_expired(now):
            return None
        if token.last_use is not None and token.last_use.at > now:
            return None  # the clock was set back: which of the two is shown?
        ip = self._hosts.get(client) or self._host(client)
        if self._proxied and "x-forwarded-for" in headers:
            ip = self._proxies.client_of(ip, headers.get_all("x-forwarded-for"))
        if token.limits is not None and not self._admits(asked, headers, token, now=now, about_itself=about_itself):
            return None
        self._tally.answered += 1
        return self._touch(token.id, at=now, ip=ip, user_agent=agent)

    def _admits(self, asked: Asked, headers: Given, token: Token, *, now: int, about_itself: bool) -> bool:
        """Whether its own limits let it in, as can be told at once.  Who is not let in is told by the ordinary route."""
        ip = admitting.client_of(self._proxies, self._host(asked.client), headers.get_all, headers)
        for_what = Limited(ip, about_itself=True) if about_itself else admitting.of_gateway(headers.get_all, ip)
        return self._admission.at_once(token, for_what, now=now, user_agent=headers.get("user-agent"))

    def _host(self, client: str) -> str | None:
        """Once for each connection."""
        if len(self._hosts) >= _HOSTS_MAX:
            self._hosts.clear()
        host = self._hosts[client] = host_of(client)
        return host


def _key(headers: Given) -> str | None:
    """The secret.  None when there is more than one way to read what came: that takes thought."""
    keys = headers.get_all("fastly-key")
    if keys:
        return keys[0] if len(keys) == 1 and "authorization" not in headers else None
    credentials = headers.get_all("authorization")
    if len(credentials) == 1 and "fastly-key" not in headers and credentials[0][:7].lower() == "bearer ":
        return credentials[0][7:]
    return None


def _ready(grant: Grant[Seen]) -> Ready:
    ready = grant.prepared
    if not isinstance(ready, Ready):
        ready = grant.prepared = Ready()
    return ready
