"""How the service says no, once for all clients: each shows the same answer in a way of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Status and body."""

    status: int
    msg: str
    detail: str | None = None
    code: str | None = None

    # Any: values of JSON.
    @classmethod
    def of(cls, status: int, body: Mapping[str, Any]) -> Self:
        """The refusal with this body; a problem (RFC 9457), as there are for automation tokens, says all in one sentence."""
        if "title" not in body:
            return cls(status, **body)
        assert {**body, "detail": ""} == {"title": _PHRASES[status], "status": status, "detail": "", "errors": None}
        return cls(status, body["detail"])

    @property
    def problem(self) -> "Refusal":
        """What is read of it where it is a problem."""
        return self if self.detail is None else Refusal(self.status, f"{self.msg}: {self.detail}")

    @property
    def body(self) -> dict[str, str]:
        """The JSON of it: what is None is not there."""
        parts = {"msg": self.msg, "detail": self.detail, "code": self.code}
        return {name: text for name, text in parts.items() if text is not None}

    @property
    def sentence(self) -> str:
        """What `fastly`, the command line, makes of it."""
        detail = "" if self.detail is None else f" ({self.detail})"
        return f"the Fastly API returned {self.status} {_PHRASES[self.status]}: {self.msg}{detail}."


NO_CREDENTIALS = Refusal(401, "Provided credentials are missing or invalid")
NO_SUDO = Refusal(403, "You must POST /sudo to access this endpoint")
NO_SUPERUSER = Refusal(403, "Only a superuser of this customer may access this endpoint")
SUPERUSERS_ONLY = Refusal(403, "Only a superuser may do this")
ENGINEERS_ONLY = Refusal(403, "Only engineers and superusers may change services")
NOT_FOR_MACHINES = Refusal(403, "Automation tokens are not allowed to access this endpoint")
NO_MACHINES = Refusal(403, "Only a superuser may create automation tokens")
NO_ROLE = Refusal(400, "role is missing")
SUPER_MACHINE = Refusal(400, "an automation token cannot be a superuser: use one of billing, engineer, user")
LIMITED = Refusal(403, "Tokens limited to services are not allowed to access this endpoint")
LAST_SUPERUSER = Refusal(
    409, "Last superuser", "This customer has no other superuser who is not locked: make one first"
)
IN_USE = Refusal(409, "Service in use", "1 live token is limited to it: revoke them first")
NOWHERE = Refusal(404, "Not found", "There is nothing at this path: GET /openapi.json lists what there is")
TOO_MANY_WRITES = Refusal(  # recorded
    429,
    "You have exceeded your hourly rate limit. Please contact support@fastly.com if you think this is a mistake.",
)
READ_ONLY = Refusal(403, "Read only tokens are not allowed to access this endpoint")
PURGE_ONLY = Refusal(403, "Tokens with scope purge_all are not allowed to access this endpoint; it takes global")
TOO_WIDE = Refusal(403, "A token limited to services can only create tokens limited to the same services, or to fewer")
NO_ONE_TIME_CODE = Refusal(400, "2fa.verify", "Invalid one-time password", "2fa.verify")
WRONG_PASSWORD = Refusal(400, "Invalid username or password", "The username or the password is wrong", "invalid_grant")
NO_PASSWORD = Refusal(400, "username and password are needed", "password is missing", "invalid_request")
WRONG_PASSWORD_FOR_SUDO = Refusal(
    403, "Invalid username or password", "The username or the password is wrong", "forbidden"
)


def with_code(status: int, detail: str, code: str) -> Refusal:
    """One that has one sentence to say: it stands in `detail`, where one of Fastly's tools looks, under a title."""
    return Refusal(status, {"invalid_scope": "Invalid scope", "invalid_request": "Invalid request"}[code], detail, code)


BAD_SCOPE = with_code(
    400, "unknown scope 'all': use one or more of global, global:read, purge_all, purge_select, verify", "invalid_scope"
)
EMPTY_PASSWORD = with_code(400, "password is missing", "invalid_request")
NO_ID = with_code(400, "each item of data takes an id", "invalid_request")
BAD_SERVICE = with_code(400, "no such service: nowhere", "invalid_request")
PAST = with_code(422, "expires_at must be in the future", "invalid_request")


def expired(token_id: str, at: str) -> Refusal:
    """Fastly's own sentence, recorded."""
    return Refusal(401, f"Token {token_id} expired at {at}")


def no_such_token(token_id: str) -> Refusal:
    """Unknown, revoked, or somebody else's: nobody can tell."""
    return Refusal(404, "Record not found", f"Cannot find token {token_id!r}")


def no_such(what: str, its_id: str) -> Refusal:
    """Unknown, or another customer's."""
    return Refusal(404, "Record not found", f"Cannot find {what} {its_id!r}")


def taken(login: str) -> Refusal:
    """By another user."""
    return Refusal(409, f"the login {login} is taken")


def has_tokens(*token_ids: str) -> Refusal:
    """A user who cannot be deleted yet."""
    stand = "1 live token stands" if len(token_ids) == 1 else f"{len(token_ids)} live tokens stand"
    return Refusal(409, "User has live tokens", f"{stand} in the way, revoke first: {', '.join(token_ids)}")


def no_such_tokens(*token_ids: str) -> Refusal:
    """In bulk."""
    return Refusal(404, "Record not found", f"Cannot find tokens {', '.join(token_ids)}; none was revoked")
