"""The gate of one program, with the verifier that it asks: one for threads, one for an asyncio loop."""

import atexit
import logging
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, TypedDict, TypeVar, Unpack

from tallystick.client._token_file import read_token
from tallystick.client._verify import Verdict
from tallystick.client.aio.verifier import AsyncVerifier
from tallystick.client.sync.verifier import Verifier
from tallystick.core.errors import Invalid, NotFound, TallystickError, Unavailable
from tallystick.core.proxies import Proxies
from tallystick.core.secret import Secret
from tallystick.integrations._gate import Came, Need, Refusal, Rules, judged, presented, unasked

V = TypeVar("V", Verifier, AsyncVerifier)

_log: Final = logging.getLogger("tallystick.integrations")


class Settings(TypedDict, total=False):
    """Whom to ask, and what needs what.  Everything is optional, if the environment says where and as whom.

    `url`, `token`: as for `Verifier`, else TALLYSTICK_URL and FASTLY_API_TOKEN.  `token_file`: a file that holds the token and
    nothing else.  `timeout`: seconds for one question.  `most`: tokens that are remembered.  `open`, `needs`, `scope`: see `Rules`.
    `trusted_proxies`: networks (CIDR) whose `X-Forwarded-For` is believed, for tokens that are limited to networks; None when
    the server or the framework has put the client's address in place already.
    """

    url: str | None
    token: str | Secret | None
    token_file: str | Path | None
    timeout: float
    most: int
    open: Iterable[str]
    needs: Mapping[str, str | Need]
    scope: str | None
    trusted_proxies: Iterable[str] | None


class _Asking(TypedDict):
    url: str | None
    token: str | Secret | None
    timeout: float
    most: int


class _Wanted(TypedDict):
    scope: str | None
    service: str | None
    ip: str | None
    method: str | None
    uri: str | None
    host: str | None


class _Base:
    """What both have in common.  Raises `Invalid` when it is not said whom to ask, or as whom."""

    def __init__(
        self,
        *,
        url: str | None = None,
        token: str | Secret | None = None,
        token_file: str | Path | None = None,
        timeout: float = 5.0,
        most: int = 100_000,
        open: Iterable[str] = (),  # noqa: A002 - see Rules
        needs: Mapping[str, str | Need] | None = None,
        scope: str | None = None,
        trusted_proxies: Iterable[str] | None = (),
    ) -> None:
        if token_file is not None:
            token = read_token(Path(token_file))
        self.rules = Rules(open=open, needs=needs, scope=scope)
        self._proxies = _read(trusted_proxies)
        self._asking: _Asking = {"url": url, "token": token, "timeout": timeout, "most": most}

    def _wanted(self, need: Need, came: Came) -> _Wanted:
        asked = came.asked(self._proxies)
        return {
            "scope": need.scope,
            "service": need.service,
            "ip": asked.ip,
            "method": asked.method,
            "uri": asked.uri,
            "host": asked.host,
        }


class Guard(_Base):
    """For programs that run in threads.  It is right before and after a fork, and leaves when the process ends."""

    def __init__(self, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        self._verifier = _made(Verifier, self._asking)
        atexit.register(_close, weakref.ref(self._verifier))

    def judge(self, need: Need, came: Came, *, again: bool = False) -> Verdict | Refusal:
        """Whether this request has what is needed.  `again`: it was let in already, and needs more than was known then."""
        secret = presented(came.headers)
        if isinstance(secret, Refusal):
            return secret
        try:
            return judged(self._verifier.check(secret, again=again, **self._wanted(need, came)), need)
        except TallystickError as error:
            return _told(error)


class AsyncGuard(_Base):
    """For programs that run in an asyncio loop."""

    def __init__(self, **settings: Unpack[Settings]) -> None:
        super().__init__(**settings)
        self._verifier = _made(AsyncVerifier, self._asking)

    async def judge(self, need: Need, came: Came, *, again: bool = False) -> Verdict | Refusal:
        """Whether this request has what is needed.  `again`: see `Guard`."""
        secret = presented(came.headers)
        if isinstance(secret, Refusal):
            return secret
        try:
            return judged(await self._verifier.check(secret, again=again, **self._wanted(need, came)), need)
        except TallystickError as error:
            return _told(error)

    async def aclose(self) -> None:
        """Tell the server that nobody has to wait for this one.  Whoever asks again begins anew, as tests with two clients do."""
        old, self._verifier = self._verifier, _made(AsyncVerifier, self._asking)
        await old.aclose()


def _made(kind: type[V], asking: _Asking) -> V:
    try:
        verifier = kind(**asking)
    except NotFound as error:
        # Where nothing is said, the client's address is Fastly's own.
        raise Invalid("There is no Tallystick server to ask: set TALLYSTICK_URL, or pass url.") from error
    if not verifier.has_token:
        raise Invalid("There is no token to ask with: set FASTLY_API_TOKEN, or pass token or token_file.")
    return verifier


def _read(networks: Iterable[str] | None) -> Proxies | None:
    if isinstance(networks, str):
        raise Invalid("trusted_proxies is a list of networks, such as ['10.0.0.0/8'].")
    try:
        return None if networks is None else Proxies(networks)
    except ValueError as error:
        raise Invalid(f"trusted_proxies: {error}") from error


def _told(error: TallystickError) -> Refusal:
    """What is said to who asked for something; the operator reads the rest.  No message of the client's holds a secret."""
    if isinstance(error, Unavailable):
        _log.warning("No token can be checked: %s", error)
    else:
        _log.error("No token can be checked, by a fault in how this program is set up: %s", error)
    return unasked(error)


def _close(verifier: "weakref.ref[Verifier]") -> None:
    """So that nobody waits for a process that has ended."""
    still = verifier()
    if still is not None:
        still.close()
