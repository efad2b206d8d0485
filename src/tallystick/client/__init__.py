"""The same, from far away: the token operations over HTTP, for a Tallystick server or for Fastly.

    _calls    what each operation sends, and how its answer is read     | no I/O
    _flow     one exchange as a value, and when it may be repeated      | no I/O
    _target   where to, and as whom: the only reader of the environment | no I/O
    models    what the answers say
    errors    what the refusals say
    sync, aio carry it out, over httpx2

Needs httpx2 and msgspec, and of this package only `core.errors` and `core.secret`.
"""

from tallystick.client.aio import AsyncTokensApi
from tallystick.client.models import Identity, IssuedToken, Token
from tallystick.client.sync import TokensApi

__all__ = ["AsyncTokensApi", "Identity", "IssuedToken", "Token", "TokensApi"]
