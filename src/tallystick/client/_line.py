"""Ask one server, as one token: what every operation is made of.  No I/O.

Every operation is a flow (`_flow.py`) that asks along a `Line`; the drivers, `sync/` and `aio/`, are two ways of carrying
flows out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from tallystick import __version__
from tallystick.client._flow import Answer, Flow, Request, send
from tallystick.client._target import Target
from tallystick.client.errors import clean, refusal
from tallystick.core.errors import Invalid, NotFound, TallystickError, Unauthenticated

HEADERS: Final = {"Accept": "application/json", "User-Agent": f"tallystick/{__version__}"}
"""Of every request."""

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What goes with a request.  `hidden`: the secrets in it, which no message may repeat."""

    media: str
    content: bytes = field(repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)


def form(pairs: Pairs, *, hidden: tuple[str, ...] = ()) -> Body:
    """A form, in the order given."""
    return Body(media="application/x-www-form-urlencoded", content=encode(pairs).encode(), hidden=hidden)


def json(value: Mapping[str, Any], *, media: str = "application/json") -> Body:  # Any: whatever JSON can hold
    """A JSON object."""
    return Body(media=media, content=written_out(value).encode())


def written_out(value: Mapping[str, Any]) -> str:
    """The text of a JSON object."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        raise _not_text() from None


def encode(pairs: Pairs) -> str:
    """As forms and queries are written."""
    try:
        return urlencode(list(pairs))
    except UnicodeEncodeError:
        raise _not_text() from None


class Line:
    """To one target.  `patience`: seconds that the repeats of one request may wait in all."""

    def __init__(self, target: Target, *, patience: float) -> None:
        self.target = target
        self._patience = patience

    @property
    def has_token(self) -> bool:
        """Whether there is a token to speak with."""
        return self.target.secret is not None

    def require_tallystick(self, what: str) -> None:
        """Raises `NotFound` for Fastly, which would pass over `what` in silence, or mean something else by it."""
        if self.target.is_fastly:
            raise NotFound(f"Fastly does not know {what}: only a Tallystick server does.")

    def ask(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Pairs = (),
        code: str | None = None,
        key: bool = True,
        gone: frozenset[int] = frozenset(),
    ) -> Flow[Answer]:
        """Send it as this token (`key`), and return the answer if it is a yes.

        `code`: a one-time code.  `gone`: see `Request`.  Raises the `TallystickError` that a no stands for.
        """
        headers = {} if body is None else {"Content-Type": body.media}
        secrets = {"Fastly-OTP": code, "Fastly-Key": self._key() if key else None}
        headers |= {name: secret for name, secret in secrets.items() if secret is not None}
        asked = encode(query)
        request = Request(
            method=method,
            url=self.target.url + path + (f"?{asked}" if asked else ""),
            headers=headers,
            content=b"" if body is None else body.content,
            hidden=(*(body.hidden if body else ()), *(secret for secret in secrets.values() if secret is not None)),
            gone=gone,
        )
        answer = yield from send(request, patience=self._patience)
        if not 200 <= answer.status < 300:
            raise _refused(request, answer)
        return answer

    def _key(self) -> str:
        if self.target.secret is None:
            raise Unauthenticated("There is no token: set FASTLY_API_TOKEN, or pass token.")
        return self.target.secret.reveal()


def elsewhere(origin: str, where: str | None) -> TallystickError:
    """A server points to an address that is not followed: the token would go where nobody has checked."""
    return TallystickError(
        f"{origin} sends us elsewhere: {where or 'without saying where'}", detail="Use the final address."
    )


def _refused(request: Request, answer: Answer) -> TallystickError:
    if 300 <= answer.status < 400:
        error = elsewhere(request.origin, clean(answer.headers.get("location"), request.hidden))
        error.status = answer.status
        return error
    no = refusal(answer.status, answer.body, retry_after=answer.retry_after, hidden=request.hidden)
    no.refusal = clean(answer.headers.get("tallystick-refusal"), request.hidden)
    return no


def _not_text() -> Invalid:
    # Raised without a cause: that holds the whole text, which may be the password.
    return Invalid("There is a character in it that is no Unicode text (a lone surrogate).")
