"""Automation tokens: what each operation sends, and how its answer is read.  No I/O."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Unpack

from tallystick.client import models
from tallystick.client._flow import Flow
from tallystick.client._given import checked_id, instant, several
from tallystick.client._line import Line, json
from tallystick.client._pages import Page, first_page, numbered, whole
from tallystick.client._sudo import in_sudo
from tallystick.client._tokens import revoke_token
from tallystick.client.limits import LimitsToSet, wished
from tallystick.client.models import AutomationToken, IssuedAutomationToken, Receipt

_ALL: Final = "/automation-tokens"


def create_automation_token(
    line: Line,
    *,
    name: str,
    role: str,
    scope: str | None,
    services: Iterable[str],
    expires_at: datetime | str | None,
    tls_access: bool,
    password: str | None,
    otp: str | None,
    **limits: Unpack[LimitsToSet],
) -> Flow[IssuedAutomationToken]:
    wish = {
        "name": name,
        "role": role,
        "services": [checked_id(each, "service id") for each in several(services, "services")],
        # Never left out: Fastly's newest clients say that it has to be there.
        "expires_at": instant(expires_at, "expires_at"),
        "tls_access": tls_access,
    }
    own = wished(limits)
    if own:
        line.require_tallystick(f"limits of a token ({', '.join(own)})")
    more = {name: value for name, value in (("scope", scope), ("limits", own or None)) if value is not None}
    body = json(wish | more)
    answer = yield from in_sudo(line, "POST", _ALL, body, password=password, otp=otp)
    return models.read_issued_automation_token(answer.body)


def get_automation_token_id(line: Line, token_id: str) -> Flow[AutomationToken]:
    answer = yield from line.ask("GET", _path(token_id))
    return models.read_automation_token(answer.body)


def get_automation_tokens_id_services(line: Line, token_id: str) -> Flow[list[str]]:
    return whole(first_page(line, f"{_path(token_id)}/services", models.read_page_of_ids, numbered()))


def list_automation_tokens(line: Line) -> Flow[list[AutomationToken]]:
    return whole(first_page(line, _ALL, models.read_page_of_automation_tokens, numbered()))


def page_automation_tokens(line: Line, *, per_page: int) -> Flow[Page[AutomationToken]]:
    return first_page(line, _ALL, models.read_page_of_automation_tokens, numbered(per_page))


def revoke_automation_token_id(line: Line, token_id: str) -> Flow[Receipt | None]:
    if not line.target.is_fastly:
        answer = yield from line.ask("DELETE", _path(token_id), gone=frozenset({404}))
        return models.told_receipt(answer.headers)
    # There the same is documented, and reported not to work (go-fastly#547).  DELETE /tokens/{id} ends people's tokens too.
    yield from line.ask("GET", _path(token_id))
    return (yield from revoke_token(line, token_id))


def _path(token_id: str) -> str:
    return f"{_ALL}/{checked_id(token_id, 'token id')}"
