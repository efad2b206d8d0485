"""What only a token in sudo may ask for, and how the password raises it.  No I/O."""

from collections.abc import Callable
from functools import partial

from tallystick.client._flow import Answer, Flow
from tallystick.client._given import one_time_code
from tallystick.client._line import Body, Line, form
from tallystick.client.errors import NEEDS_OTP, NEEDS_SUDO
from tallystick.core.errors import Forbidden, Invalid


def in_sudo(
    line: Line,
    method: str,
    path: str,
    body: Body | None,
    *,
    password: str | None,
    otp: str | None,
    username: str | None = None,
    gone: frozenset[int] = frozenset(),
) -> Flow[Answer]:
    """Send `body`: after raising the token by the password, or, without one, as a token that was raised already.

    `gone`: see `Request`.
    """
    asked = partial(line.ask, method, path, body, gone=gone)
    code = one_time_code(otp)
    if password is None:
        return (yield from _already_raised(asked))
    proof = [("username", username)] if username is not None else []
    raising = form([*proof, ("password", password)], hidden=tuple(text for text in (username, password) if text))
    return (yield from _raised_first(line, asked, raising, code))


def _already_raised(asked: Callable[[], Flow[Answer]]) -> Flow[Answer]:
    try:
        return (yield from asked())
    except Forbidden as error:
        if _needs_sudo(error) and error.detail is None:
            error.detail = "Pass the password too, and the token is raised first."
        raise


def _raised_first(line: Line, asked: Callable[..., Flow[Answer]], raising: Body, code: str | None) -> Flow[Answer]:
    """For five minutes.

    A one-time code works once.  It goes with `/sudo`; a second time only if the path itself asks for it, as Fastly's
    `/tokens` does, and then it was not spent.
    """
    yield from line.ask("POST", "/sudo", raising, code=code)
    try:
        return (yield from asked())
    except Forbidden as error:
        if code is not None or not _needs_sudo(error):
            raise
        # It ran out in between, or another node has not heard of it yet.
        yield from line.ask("POST", "/sudo", raising)
        return (yield from asked())
    except Invalid as error:
        if code is None or error.code != NEEDS_OTP:
            raise
        return (yield from asked(code=code))


def _needs_sudo(error: Forbidden) -> bool:
    return NEEDS_SUDO in error.msg
