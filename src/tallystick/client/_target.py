"""Where to, and as whom: one address and one secret that may go there."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.core.errors import Invalid
from tallystick.core.secret import Secret

FASTLY: Final = "https://api.fastly.com"

# Narrow on purpose: only what every URL parser reads alike, so that the host checked here is the host connected to.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>\d{1,5}))?(/[A-Za-z0-9._~/-]*)?",
    re.ASCII,
)
_SENDABLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """`url`: without a slash at the end.  `secret`: None for calls that prove themselves by password."""

    url: str
    secret: Secret | None

    @property
    def origin(self) -> str:
        """Scheme, host and port, for messages."""
        return origin(self.url)

    @property
    def is_fastly(self) -> bool:
        """Whether this is Fastly itself."""
        return _is_fastly(_host(self.url))


def origin(url: str) -> str:
    """Scheme, host and port of `url`, for messages."""
    return "/".join(url.split("/", 3)[:3])


def target(
    token: str | Secret | None,
    url: str | None,
    # cli/settings.py reads the server's settings; these two names belong to whoever uses the client as a library.
    environ: Mapping[str, str] = os.environ,  # noqa: TID251
) -> Target:
    """From what was passed, else the environment, else Fastly's address.

    `token`: None takes FASTLY_API_TOKEN, `""` means none whatever the environment says.  `url`: None takes TALLYSTICK_URL.
    Raises `Invalid` for an address or a token that cannot be used, and for one of ours on its way to Fastly.
    """
    address = url if url is not None else environ.get("TALLYSTICK_URL", "").strip() or FASTLY
    secret = _secret(token if token is not None else environ.get("FASTLY_API_TOKEN", ""))
    host = _host(address)
    if secret is not None and secret.is_ours() and _is_fastly(host):
        raise Invalid(
            f"This token was issued by a Tallystick server and is not sent to {host}: "
            "set TALLYSTICK_URL, or pass url, to the address of that server."
        )
    return Target(url=address.rstrip("/"), secret=secret)


def _secret(token: str | Secret) -> Secret | None:
    text = (token.reveal() if isinstance(token, Secret) else token).strip()
    if not text:
        return None
    if _SENDABLE.fullmatch(text) is None:
        raise Invalid("The token holds spaces or other characters that no token has.")
    return Secret(text)


def _host(url: str) -> str:
    match = _URL.fullmatch(url)
    if match is None or int(match["port"] or 0) > 65535:
        # Not repeated in the message: there may be a password in it.
        raise Invalid("The address of the server must look like https://tokens.example.com, without user, ? or #.")
    return match["host"].lower().rstrip(".")


def _is_fastly(host: str) -> bool:
    return host == "fastly.com" or host.endswith(".fastly.com")
