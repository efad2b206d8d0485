"""Tokens: what each operation sends, and how its answer is read.  No I/O."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Unpack

from msgspec.structs import replace

from tallystick.client import models
from tallystick.client._flow import Answer, Flow
from tallystick.client._given import checked_id, instant, one_time_code, several
from tallystick.client._line import Body, Line, form, json, written_out
from tallystick.client._pages import Page, first_page
from tallystick.client._sudo import in_sudo
from tallystick.client.filters import TokenFilters, TokenListing, written
from tallystick.client.limits import LimitsToSet, wished
from tallystick.client.models import Identity, IssuedToken, Receipt, ReceiptRecord, RevocationPlan, Token, TokenUsage
from tallystick.core.errors import Invalid, NotFound, Unauthenticated

_BULK: Final = "application/vnd.api+json; ext=bulk"
_PAGE: Final = "100"


def bulk_revoke_tokens(line: Line, ids: Iterable[str]) -> Flow[Receipt | None]:
    data = [{"type": "token", "id": checked_id(each, "token id")} for each in several(ids, "ids")]
    if not data:
        return None
    answer = yield from line.ask("DELETE", "/tokens", json({"data": data}, media=_BULK))
    return models.told_receipt(answer.headers)


def create_token(
    line: Line,
    *,
    name: str | None,
    scope: str | None,
    services: Iterable[str],
    expires_at: datetime | str | None,
    username: str | None,
    password: str | None,
    otp: str | None,
    **limits: Unpack[LimitsToSet],
) -> Flow[IssuedToken]:
    single = [("name", name), ("scope", scope), ("expires_at", instant(expires_at, "expires_at"))]
    wish = [(key, value) for key, value in single if value is not None]
    wish += [("services[]", checked_id(each, "service id")) for each in several(services, "services")]
    if own := wished(limits):
        line.require_tallystick(f"limits of a token ({', '.join(own)})")
        wish.append(("limits", written_out(own)))
    if username is not None and password is None:
        raise Invalid("A username needs its password.")
    if line.has_token:
        answer = yield from in_sudo(line, "POST", "/tokens", form(wish), username=username, password=password, otp=otp)
    else:
        answer = yield from _create_by_password(line, wish, username, password, one_time_code(otp))
    return models.read_issued(answer.body)


def get_receipt(line: Line, seq: int) -> Flow[ReceiptRecord]:
    if seq < 1:
        raise Invalid("The number of a receipt is 1 or more.")
    line.require_tallystick("GET /revocations/{seq}")
    answer = yield from line.ask("GET", f"/revocations/{seq}")
    return models.read_receipt(answer.body)


def get_token(line: Line, token_id: str) -> Flow[Token]:
    answer = yield from line.ask("GET", f"/tokens/{checked_id(token_id, 'token id')}")
    return models.read_token(answer.body)


def get_token_current(line: Line) -> Flow[Token]:
    answer = yield from line.ask("GET", "/tokens/self")
    return models.read_token(answer.body)


def get_token_usage(
    line: Line, token_id: str, *, since: datetime | str | None, until: datetime | str | None
) -> Flow[TokenUsage]:
    line.require_tallystick("how often a token was used")
    asked = [(name, instant(value, name)) for name, value in (("since", since), ("until", until))]
    query = [(name, value) for name, value in asked if value is not None]
    answer = yield from line.ask("GET", f"/tokens/{checked_id(token_id, 'token id')}/usage", query=query)
    return models.read_usage(answer.body)


def list_tokens_customer(line: Line, customer_id: str) -> Flow[list[Token]]:
    answer = yield from line.ask("GET", _tokens_of(customer_id))
    return models.read_tokens(answer.body)


def list_tokens_user(line: Line) -> Flow[list[Token]]:
    answer = yield from line.ask("GET", "/tokens")
    return models.read_tokens(answer.body)


def page_tokens_customer(line: Line, customer_id: str, **filters: Unpack[TokenListing]) -> Flow[Page[Token]]:
    return _page(line, _tokens_of(customer_id), filters)


def page_tokens_user(line: Line, **filters: Unpack[TokenListing]) -> Flow[Page[Token]]:
    return _page(line, "/tokens", filters)


def revoke_matching(
    line: Line, *, reason: str, dry_run: bool, password: str | None, otp: str | None, **filters: Unpack[TokenFilters]
) -> Flow[RevocationPlan]:
    wanted = written(filters, TokenFilters)
    if not wanted:
        raise Invalid("Which tokens are to be revoked?  Pass at least one filter.")
    line.require_tallystick("POST /revocations")
    body = json({**wanted, "reason": reason, "dry_run": dry_run})
    answer = yield from in_sudo(line, "POST", "/revocations", body, password=password, otp=otp)
    return replace(models.read_plan(answer.body), receipt=models.told_receipt(answer.headers))


def revoke_token(line: Line, token_id: str) -> Flow[Receipt | None]:
    answer = yield from line.ask("DELETE", f"/tokens/{checked_id(token_id, 'token id')}", gone=frozenset({404}))
    return models.told_receipt(answer.headers)


def revoke_token_current(line: Line) -> Flow[Receipt | None]:
    answer = yield from line.ask("DELETE", "/tokens/self", gone=frozenset({401, 404}))
    return models.told_receipt(answer.headers)


def verify(line: Line) -> Flow[Identity]:
    answer = yield from line.ask("GET", "/verify")
    return models.read_identity(answer.body)


def _create_by_password(
    line: Line, wish: list[tuple[str, str]], username: str | None, password: str | None, code: str | None
) -> Flow[Answer]:
    """Without a token: the password is the proof, and goes with the wish."""
    if username is None or password is None:
        raise Unauthenticated("There is no token and no password: set FASTLY_API_TOKEN, or pass username and password.")
    body: Body = form([*wish, ("username", username), ("password", password)], hidden=(password,))
    return (yield from line.ask("POST", "/tokens", body, code=code, key=False))


def _tokens_of(customer_id: str) -> str:
    return f"/customer/{checked_id(customer_id, 'customer id')}/tokens"


def _page(line: Line, path: str, filters: TokenListing) -> Flow[Page[Token]]:
    asked = {"limit": _PAGE} | written(filters, TokenListing)
    narrowed = sorted(asked.keys() - {"limit"})
    if narrowed:
        line.require_tallystick(f"filters ({', '.join(narrowed)})")
    # Fastly has no pages either: it gives the whole list, whatever is asked.
    query = {} if line.target.is_fastly else asked
    return _read_page(line, path, query, at_most=int(asked["limit"]) if narrowed else None)


def _read_page(line: Line, path: str, query: Mapping[str, str], *, at_most: int | None) -> Flow[Page[Token]]:
    page = yield from first_page(line, path, models.read_page_of_tokens, query.items())
    if at_most is not None and len(page.items) > at_most:
        # The rest may not be what was asked for either, and somebody may be about to revoke it all.
        raise NotFound(f"{line.target.origin} does not know filters: it answered with more tokens than were asked for.")
    return page
