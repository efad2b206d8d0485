"""What refused a request, in sentences: which rule, and what would have let the request in (`explain.py`)."""

from datetime import UTC, datetime
from typing import Final

from tallystick.core.explain import Because
from tallystick.core.limits import Limits
from tallystick.core.scope import FASTLYS
from tallystick.core.token import Token

_NO_TOKEN: Final = {
    "missing": ("no token came with it", "send one, as Authorization: Bearer"),
    "malformed": (
        "what came has not the form of a token: the checksum at its end is wrong",
        "send the whole token, as it was shown",
    ),
    "unknown": (
        "no token that this customer has came with it",
        "use a token of this service; one that was lost is replaced by a new one",
    ),
}
_OF_TOKEN: Final = {
    "expired": ("the token has expired", "create another one"),
    "revoked": ("the token was revoked", "create another one; who revoked it stands among the events"),
    "locked": ("the user of the token is locked", "an administrator can unlock them"),
}
_RATES: Final = {"per_second": "second", "per_minute": "minute", "per_day": "day"}


def rule_of(because: Because, token: Token | None) -> str:
    """Which rule it was, and what came."""
    why, detail = because.why, because.detail
    if why in _NO_TOKEN:
        return _NO_TOKEN[why][0]
    if why in _OF_TOKEN:
        return _OF_TOKEN[why][0]
    limits = (None if token is None else token.limits) or Limits()
    match why:
        case "scope":
            return f"scope: it takes {detail}, the token has {'' if token is None else token.scope}"
        case "service":
            return f"services: the token does not reach {detail}"
        case "networks":
            return f"networks: it came from {detail}, the token is for {_listed(limits.networks)}"
        case "not_before":
            return f"not_before: the token begins to hold at {_instant(limits.not_before)}"
        case "rules":
            return f"rules: it was {detail}, the token is for {_listed(limits.rules)}"
        case "uses":
            return f"uses: the token was for {limits.uses} requests, and they are used up"
        case _ if why in _RATES:
            return f"{why}: the token has made all {getattr(limits, why)} requests of that {_RATES[why]}"
        case _:
            return detail


def cure_of(because: Because) -> str:
    """What would have let it in."""
    why, detail = because.why, because.detail
    if why in _NO_TOKEN:
        return _NO_TOKEN[why][1]
    if why in _OF_TOKEN:
        return _OF_TOKEN[why][1]
    match why:
        case "scope":
            of_fastly = set(detail.split()) <= set(FASTLYS)
            return f"a token with the scope {detail}{', or global' if of_fastly else ''}"
        case "service":
            return "a token that is limited to no service, or to this one too"
        case "networks" if detail == "no address":
            return "tell the address: have the gateway send X-Forwarded-For, and name the gateway in TALLYSTICK_TRUSTED_PROXIES"
        case "networks":
            return f"a limit with {detail} in one of its networks"
        case "not_before":
            return "wait until then, or set another instant"
        case "rules" if detail == "no request":
            return "tell the request: have the gateway send X-Original-URI and X-Original-Method; Tallystick's own API is for no token with rules"
        case "rules":
            return f"a rule for it, such as {detail!r}"
        case "uses":
            return "a larger number of uses, or another token"
        case _ if why in _RATES:
            return f"wait for the next {_RATES[why]}, or set a larger number"
        case _:
            return "what the answer says"


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(texts) or "others by now"


def _instant(instant: int | None) -> str:
    return "another instant by now" if instant is None else datetime.fromtimestamp(instant / 1000, UTC).isoformat()
