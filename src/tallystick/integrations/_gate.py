"""What all frameworks have in common: which paths need what, the secret of a request, what a refused one is told.  No I/O."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

import msgspec

from tallystick.client._verify import Verdict
from tallystick.core.errors import Invalid, TallystickError
from tallystick.core.issue import NO_CREDENTIALS
from tallystick.core.limits import NOT_FOR_THIS, RATES, TOO_MANY, Asked, Limit
from tallystick.core.may import has_scope
from tallystick.core.proxies import Proxies
from tallystick.core.scope import told
from tallystick.core.secret import SEVERAL_TOKENS, Secret, all_presented

Headers: TypeAlias = Iterable[tuple[str, str]]
"""Names in any case."""

_SCOPE: Final = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")  # RFC 6749, 3.3: goes into a header as it is
_PATTERN: Final = re.compile(r"(?:(?P<method>[A-Z]+) )?(?P<path>/\S*)")
_UNPLAIN: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_REST: Final = "**"
_SERVICE: Final = "{service}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a token must have beside being alive.

    `scope`: words with spaces between, all of them.  `service`: the id of one that it must reach.
    """

    scope: str | None = None
    service: str | None = None

    def __post_init__(self) -> None:
        if self.scope is not None and _SCOPE.fullmatch(self.scope) is None:
            raise Invalid("A scope is words with one space between, such as 'purge_all'; None asks for no scope.")


class Came(NamedTuple):
    """A request, as the program has it.  `path`: decoded, with where the program is mounted.  `peer`: who is at the other end."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]]
    peer: str | None

    def asked(self, proxies: Proxies | None) -> Asked:
        """The same for a token's own limits.  `proxies`: whose word is taken for an address; None: `peer` is the client already."""
        ip = self.peer if proxies is None else proxies.sure_client_of(self.peer, self._all("x-forwarded-for"))
        hosts = set(self._all("host"))
        # Written out again: what counts is how the program reads it.
        return Asked(ip, self.method, quote(self.path) or "/", hosts.pop() if len(hosts) == 1 else None)

    def _all(self, wanted: str) -> list[str]:
        return [value for name, value in self.headers if name.lower() == wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What is answered in place of the program."""

    status: int
    msg: str
    challenge: str | None = None
    retry_after: int | None = None

    @property
    def headers(self) -> list[tuple[str, str]]:
        """All of them but the length."""
        more = (("WWW-Authenticate", self.challenge), ("Retry-After", self.retry_after))
        fixed = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
        return fixed + [(name, str(value)) for name, value in more if value is not None]

    @property
    def body(self) -> bytes:
        """JSON."""
        return msgspec.json.encode({"msg": self.msg})


UNPLAIN: Final = Refusal(status=400, msg="The path must be written plainly, without //, . or ..")
_MISSING: Final = Refusal(status=401, msg=NO_CREDENTIALS, challenge="Bearer")
_SEVERAL: Final = Refusal(status=400, msg=SEVERAL_TOKENS, challenge='Bearer error="invalid_request"')


class Rules:
    """Which requests need what.  Whatever no rule is about needs a live token, and `scope` if that is given.

    `open`: patterns of what is let in without a token.  `needs`: pattern → the scope, or the whole need.  The first that
    fits counts, `open` before `needs`.  A pattern is a path, after a method and a space if it is for one only (GET is for HEAD
    too).  In it `*` and `{name}` are any one segment, `**` at the end is any number of them, and `{service}` is the id of the
    service that the token must reach.  A slash at the end makes no difference.

    Raises `Invalid` for a pattern that cannot be read.
    """

    def __init__(
        self,
        *,
        open: Iterable[str] = (),  # noqa: A002 - the word for it, and no file is opened here
        needs: Mapping[str, str | Need] | None = None,
        scope: str | None = None,
    ) -> None:
        if isinstance(open, str):
            raise Invalid("open is a list of patterns, such as ['/healthz'].")
        self._otherwise = Need(scope=scope)
        self._rules = [_Rule.parse(pattern, None) for pattern in open]
        for pattern, need in (needs or {}).items():
            self._rules.append(_Rule.parse(pattern, Need(scope=need) if isinstance(need, str) else need))

    def need(self, method: str, path: str) -> Need | None | Refusal:
        """What a request needs; None: nothing, it is open.  `path`: decoded, as the program will route it.

        A path that could be read in two ways (`//`, `..`) is refused: the program might find something else by it than we.
        """
        segments = _segments(path)
        if segments is None:
            return UNPLAIN
        method = "GET" if method == "HEAD" else method
        for rule in self._rules:
            if rule.fits(method, segments):
                return rule.need_of(segments)
        return self._otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """One pattern.  `need`: None where it is open."""

    method: str | None
    segments: list[str]
    more: bool
    need: Need | None

    @classmethod
    def parse(cls, pattern: str, need: Need | None) -> "_Rule":
        match = _PATTERN.fullmatch(pattern)
        segments = None if match is None else _segments(match["path"])
        if match is None or segments is None:
            raise Invalid(f"{pattern!r} is no pattern: write '/orders/*' or 'GET /orders/**'.")
        more = segments[-1:] == [_REST]
        segments = segments[:-1] if more else segments
        if any("*" in each and each != "*" for each in segments):
            raise Invalid(f"{pattern!r}: * stands for a whole segment, and ** only at the end.")
        if _SERVICE in segments and (need is None or need.service is not None or segments.count(_SERVICE) > 1):
            raise Invalid(f"{pattern!r}: {_SERVICE} is the one service that a token must reach.")
        method = "GET" if match["method"] == "HEAD" else match["method"]
        return cls(method=method, segments=segments, more=more, need=need)

    def fits(self, method: str, segments: list[str]) -> bool:
        if self.method not in (None, method):
            return False
        if len(segments) != len(self.segments) and not (self.more and len(segments) > len(self.segments)):
            return False
        return all(_is_any(own) or own == given for own, given in zip(self.segments, segments, strict=False))

    def need_of(self, segments: list[str]) -> Need | None:
        if self.need is None or _SERVICE not in self.segments:
            return self.need
        return Need(scope=self.need.scope, service=segments[self.segments.index(_SERVICE)])


def _is_any(segment: str) -> bool:
    return segment == "*" or (segment.startswith("{") and segment.endswith("}"))


def _segments(path: str) -> list[str] | None:
    """None for a path that could be read in two ways."""
    if path in ("", "/"):
        return []
    first, *rest = path.removesuffix("/").split("/")
    if first or _UNPLAIN.search(path) or any(each in ("", ".", "..") for each in rest):
        return None
    return rest


def presented(headers: Headers) -> Secret | Refusal:
    """The secret that came as `Authorization: Bearer` or as `Fastly-Key`.  Two different ones are none (RFC 6750, 2)."""
    given = all_presented(headers)
    if len(given) > 1:
        return _SEVERAL
    return Secret(given.pop()) if given else _MISSING


def judged(verdict: Verdict, need: Need) -> Verdict | Refusal:
    """The verdict if it is a yes, else what is said of it, in the words of RFC 6750, 3.1."""
    if verdict.ok:
        return verdict
    if verdict.reason == "scope" and need.scope is not None:
        return _without(need.scope)
    if verdict.reason == "service":
        return Refusal(status=403, msg="This token does not reach that service")
    if verdict.reason == Limit.RULES:
        return Refusal(status=403, msg=NOT_FOR_THIS)
    if verdict.reason in RATES:
        return Refusal(status=429, msg=TOO_MANY, retry_after=verdict.retry_after)
    msg = "This token has expired" if verdict.reason == "expired" else NO_CREDENTIALS
    return Refusal(status=401, msg=msg, challenge='Bearer error="invalid_token"')


def scoped(verdict: Verdict, scope: str | None) -> Verdict | Refusal:
    """For those who learn later which scope is needed: asked once more, it would be counted as two uses."""
    return verdict if scope is None or has_scope(told(verdict.scope), scope) else _without(scope)


def _without(scope: str) -> Refusal:
    challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
    return Refusal(status=403, msg=f"This takes a token with the scope {scope}", challenge=challenge)


def unasked(error: TallystickError) -> Refusal:
    """Nobody could be asked, so nobody is let in.  Why is the operator's to know, and in the log."""
    after = 1 if error.retry_after is None else max(1, math.ceil(error.retry_after))
    return Refusal(status=503, msg="Tokens cannot be checked at this moment: try again", retry_after=after)
