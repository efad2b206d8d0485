"""The operations: what each one sends, and how its answer is read.  No I/O.

Every method is a flow (`_flow.py`); `sync.py` and `aio.py` are two ways of carrying it out.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

import msgspec

from tallystick import __version__
from tallystick.client import models
from tallystick.client._flow import Answer, Flow, Request, send
from tallystick.client._target import Target
from tallystick.client.errors import NEEDS_OTP, NEEDS_SUDO, clean, refusal
from tallystick.client.models import Identity, IssuedToken, Token
from tallystick.core.errors import Forbidden, Invalid, TallystickError, Unauthenticated

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")  # a dot or a slash in it would make it another path
_OTP: Final = re.compile(r"[A-Za-z0-9]{1,64}")
HEADERS: Final = {"Accept": "application/json", "User-Agent": f"tallystick/{__version__}"}
"""Of every request."""

_FORM: Final = "application/x-www-form-urlencoded"
_BULK: Final = "application/vnd.api+json; ext=bulk"


class Calls:
    """All operations against one target.  `patience`: seconds that the repeats of one request may wait in all."""

    def __init__(self, target: Target, *, patience: float) -> None:
        self._target = target
        self._patience = patience

    @property
    def has_token(self) -> bool:
        return self._target.secret is not None

    def bulk_revoke_tokens(self, ids: Iterable[str]) -> Flow[None]:
        data = [{"type": "token", "id": _id(each, "token id")} for each in _several(ids, "ids")]
        if data:
            content = msgspec.json.encode({"data": data})
            yield from self._ask("DELETE", "/tokens", headers={"Content-Type": _BULK}, content=content)

    def create_token(
        self,
        *,
        name: str | None,
        scope: str | None,
        services: Iterable[str],
        expires_at: datetime | str | None,
        username: str | None,
        password: str | None,
        otp: str | None,
    ) -> Flow[IssuedToken]:
        form = _form(name=name, scope=scope, services=services, expires_at=expires_at)
        code = _otp(otp)
        if username is not None and password is None:
            raise Invalid("A username needs its password.")
        if self._target.secret is None:
            issued = yield from self._create_by_password(form, username, password, code)
        elif password is None:
            issued = yield from self._create_in_sudo(form)
        else:
            proof = [("username", username)] if username is not None else []
            issued = yield from self._create_after_sudo(form, [*proof, ("password", password)], code)
        return issued

    def get_token(self, token_id: str) -> Flow[Token]:
        answer = yield from self._ask("GET", f"/tokens/{_id(token_id, 'token id')}")
        return models.read_token(answer.body)

    def get_token_current(self) -> Flow[Token]:
        answer = yield from self._ask("GET", "/tokens/self")
        return models.read_token(answer.body)

    def list_tokens_customer(self, customer_id: str) -> Flow[list[Token]]:
        answer = yield from self._ask("GET", f"/customer/{_id(customer_id, 'customer id')}/tokens")
        return models.read_tokens(answer.body)

    def list_tokens_user(self) -> Flow[list[Token]]:
        answer = yield from self._ask("GET", "/tokens")
        return models.read_tokens(answer.body)

    def revoke_token(self, token_id: str) -> Flow[None]:
        yield from self._ask("DELETE", f"/tokens/{_id(token_id, 'token id')}", gone=frozenset({404}))

    def revoke_token_current(self) -> Flow[None]:
        yield from self._ask("DELETE", "/tokens/self", gone=frozenset({401, 404}))

    def verify(self) -> Flow[Identity]:
        answer = yield from self._ask("GET", "/verify")
        return models.read_identity(answer.body)

    def _create_by_password(
        self, form: list[tuple[str, str]], username: str | None, password: str | None, code: str | None
    ) -> Flow[IssuedToken]:
        """Without a token: the password is the proof, and goes with the wish."""
        if username is None or password is None:
            raise Unauthenticated(
                "There is no token and no password: set FASTLY_API_TOKEN, or pass username and password."
            )
        proof = [("username", username), ("password", password)]
        answer = yield from self._post("/tokens", [*form, *proof], code, key=False, hidden=(password,))
        return models.read_issued(answer.body)

    def _create_in_sudo(self, form: list[tuple[str, str]]) -> Flow[IssuedToken]:
        """With a token that somebody has raised already."""
        try:
            answer = yield from self._post("/tokens", form)
        except Forbidden as error:
            if _needs_sudo(error) and error.detail is None:
                error.detail = "Pass the password too, and the token is raised first."
            raise
        return models.read_issued(answer.body)

    def _create_after_sudo(
        self, form: list[tuple[str, str]], proof: list[tuple[str, str]], code: str | None
    ) -> Flow[IssuedToken]:
        """With a token, which the password raises to sudo for five minutes.

        A one-time code works once.  It goes with `/sudo`; a second time only if `/tokens` itself asks for it, as Fastly
        does, and then it was not spent.
        """
        hidden = tuple(value for _, value in proof)
        yield from self._post("/sudo", proof, code, hidden=hidden)
        try:
            answer = yield from self._post("/tokens", form)
        except Forbidden as error:
            if code is not None or not _needs_sudo(error):
                raise
            # It ran out in between, or another node has not heard of it yet.
            yield from self._post("/sudo", proof, hidden=hidden)
            answer = yield from self._post("/tokens", form)
        except Invalid as error:
            if code is None or error.code != NEEDS_OTP:
                raise
            answer = yield from self._post("/tokens", form, code)
        return models.read_issued(answer.body)

    def _post(
        self,
        path: str,
        form: list[tuple[str, str]],
        code: str | None = None,
        *,
        key: bool = True,
        hidden: tuple[str, ...] = (),
    ) -> Flow[Answer]:
        headers = {"Content-Type": _FORM}
        if code is not None:
            headers["Fastly-OTP"] = code
            hidden = (*hidden, code)
        return (yield from self._ask("POST", path, headers=headers, content=_encode(form), key=key, hidden=hidden))

    def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        key: bool = True,
        hidden: tuple[str, ...] = (),
        gone: frozenset[int] = frozenset(),
    ) -> Flow[Answer]:
        """Send it as this token (`key`), and return the answer if it is a yes."""
        sent = dict(headers or {})
        if key:
            if self._target.secret is None:
                raise Unauthenticated("There is no token: set FASTLY_API_TOKEN, or pass token.")
            sent["Fastly-Key"] = self._target.secret.reveal()
            hidden = (*hidden, sent["Fastly-Key"])
        request = Request(
            method=method, url=self._target.url + path, headers=sent, content=content, hidden=hidden, gone=gone
        )
        answer = yield from send(request, patience=self._patience)
        if not 200 <= answer.status < 300:
            raise _refused(request, answer)
        return answer


def _refused(request: Request, answer: Answer) -> TallystickError:
    if 300 <= answer.status < 400:
        # Not followed: the token would go to an address that nobody has checked.
        where = clean(answer.headers.get("location"), request.hidden) or "without saying where"
        return TallystickError(
            f"{request.origin} sends us elsewhere: {where}", detail="Use the final address.", status=answer.status
        )
    return refusal(answer.status, answer.body, retry_after=answer.retry_after, hidden=request.hidden)


def _needs_sudo(error: Forbidden) -> bool:
    return NEEDS_SUDO in error.msg


def _form(
    *, name: str | None, scope: str | None, services: Iterable[str], expires_at: datetime | str | None
) -> list[tuple[str, str]]:
    if isinstance(expires_at, datetime):
        if expires_at.tzinfo is None:
            raise Invalid("expires_at has no time zone: which midnight is meant?")
        expires_at = expires_at.isoformat()
    single = [("name", name), ("scope", scope), ("expires_at", expires_at)]
    form = [(key, value) for key, value in single if value is not None]
    return form + [("services[]", _id(each, "service id")) for each in _several(services, "services")]


def _encode(form: list[tuple[str, str]]) -> bytes:
    try:
        return urlencode(form).encode()
    except UnicodeEncodeError:
        # Without a cause: it holds the whole text, which may be the password.
        raise Invalid("There is a character in it that is no Unicode text (a lone surrogate).") from None


def _several(values: Iterable[str], what: str) -> list[str]:
    if isinstance(values, str):
        # It would be taken apart into letters, and each letter is a fine id.
        raise Invalid(f"{what} is one string: pass a list of them.")
    return list(values)


def _id(value: str, what: str) -> str:
    if _ID.fullmatch(value) is None:
        raise Invalid(f"The {what} must be 1 to 128 letters, digits, - or _.")
    return value


def _otp(code: str | None) -> str | None:
    if code is None:
        return None
    digits = code.replace(" ", "")
    if _OTP.fullmatch(digits) is None:
        raise Invalid("The one-time code must be letters and digits.", code=NEEDS_OTP)
    return digits
