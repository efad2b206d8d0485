"""Fastly's shapes for automation tokens.  Three that are alike and not the same: created, read, listed (Fastly wire, recorded).

Where the recorded wire has `""` for a time that is not known, ours is null: three official clients cannot read the former.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.core.errors import Invalid
from tallystick.core.issue import require_automation_role
from tallystick.core.people import Role
from tallystick.core.secret import Secret
from tallystick.core.token import Token
from tallystick.http import shapes
from tallystick.http.limiting import LimitsForm, LimitsShown, shown_if_any
from tallystick.http.paging import Numbered
from tallystick.http.queries import number
from tallystick.http.times import stamp

# --- What clients send --------------------------------------------------------------------------------------------------


WORKSPACES: Final = (number("limit", "How many at most.", most=100),)


class AutomationFields(msgspec.Struct, kw_only=True):
    """An automation token that is asked for.  `roles` wins over `role`; both hold names, which are the ids of roles here."""

    name: str | None = None
    role: str | None = None
    roles: list[str] | None = None
    scope: str | None = None
    services: list[str] | None = None
    limit_services: bool | None = None
    workspaces: list[str] | None = None
    limit_workspaces: bool | None = None
    tls_access: bool | None = None
    expires_at: str | None = None
    limits: LimitsForm | None = None


class CreateAutomation(AutomationFields, kw_only=True):
    """`POST /automation-tokens`: flat, or, as older official clients send it, within `attributes`."""

    attributes: AutomationFields | None = None


def asked(form: CreateAutomation) -> AutomationFields:
    """What was asked for, wherever it stood.  Raises `Invalid` for what stands in both places, and for limits that are none."""
    wanted = form.attributes or form
    if form.attributes is not None and any(_given(getattr(form, name)) for name in AutomationFields.__struct_fields__):
        raise _invalid("there are fields within attributes and beside it: send them in one place")
    if wanted.limit_services is not None and wanted.limit_services != bool(wanted.services):
        # Either reading could make a wider token than was meant.
        raise _invalid("limit_services and services contradict each other")
    # limit_workspaces alone says nothing: it is true where it is not said, and has no effect for roles that have none (Fastly).
    if wanted.workspaces:
        raise _invalid("there are no workspaces here: a token cannot be limited to them")
    return wanted


def automation_role(fields: AutomationFields) -> Role:
    """The one role that was named.  Raises `Invalid` for none, several, an unknown one, or superuser."""
    if fields.roles is not None and len(fields.roles) != 1:
        raise _invalid("roles must name one role")
    role = shapes.role(fields.role if fields.roles is None else fields.roles[0])
    if role is None:
        raise _invalid("role is missing")
    require_automation_role(role)
    return role


def named(name: str | None) -> str:
    """Raises `Invalid` without a name: nobody would know whose an automation token is (Fastly wants one, too)."""
    if not name:
        raise _invalid("name is required")
    return name


def _given(value: object) -> bool:
    return value is not None


def _invalid(msg: str) -> Invalid:
    return Invalid(msg, code="invalid_request")


# --- What we answer -----------------------------------------------------------------------------------------------------


_Empty = Annotated[
    str, msgspec.Meta(max_length=0, description="Empty: the secret was in the answer to its creation, and only there.")
]


class AutomationRead(msgspec.Struct):
    """An automation token, read by id."""

    id: str
    services: list[str]
    name: str
    role: str
    access_token: _Empty
    scope: str
    ip: str | None
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    user_agent: str | None
    limits: LimitsShown | UnsetType = UNSET


class AutomationCreated(msgspec.Struct):
    """The answer that holds the secret."""

    id: str
    services: list[str]
    name: str
    role: str
    access_token: str
    scope: str
    ip: str | None
    created_at: str
    last_used_at: str | None
    expires_at: str | None
    user_agent: str | None
    tls_access: bool
    customer_id: str
    limits: LimitsShown | UnsetType = UNSET


class AutomationListed(msgspec.Struct):
    """An automation token in a list.  `scopes` is text here."""

    id: str
    creator_id: str | None
    customer_id: str
    name: str
    access_token: _Empty
    role: str
    ip: str | None
    user_agent: str | None
    scopes: str
    services: list[str]
    service_id: str | None
    sudo_expires_at: str | None
    last_used_at: str | None
    created_at: str
    expires_at: str | None
    tls_access: bool
    limits: LimitsShown | UnsetType = UNSET


class Meta(msgspec.Struct):
    """Where a page stands in its list."""

    per_page: int
    current_page: int
    record_count: int
    total_pages: int


class AutomationPage(msgspec.Struct):
    """A page of automation tokens."""

    data: list[AutomationListed]
    meta: Meta


class ServiceIds(msgspec.Struct):
    """The ids of the services that a token is limited to; none means all."""

    data: list[str]
    meta: Meta


class WorkspacesMeta(msgspec.Struct):
    """Where the answer stands in a list that goes by cursor, as Fastly's clients have it: there is nothing before or after."""

    limit: int = 20
    next_cursor: str = ""
    previous_cursor: str = ""


class Workspaces(msgspec.Struct):
    """There are no workspaces here."""

    data: list[str]
    meta: WorkspacesMeta
    limit_workspaces: bool = False


def meta(page: Numbered, *, total: int) -> Meta:
    """Where `page` stands in a list of `total`."""
    return Meta(page.size, page.number, total, page.pages(total))


def automation_read(token: Token) -> AutomationRead:
    """An automation token as it is read by id."""
    return AutomationRead(**_common(token, ""))


def automation_created(token: Token, secret: Secret) -> AutomationCreated:
    """The answer to a create: here the secret of an automation token leaves, once."""
    return AutomationCreated(
        **_common(token, secret.reveal()), tls_access=token.tls_access, customer_id=token.customer_id
    )


def automation_listed(token: Token) -> AutomationListed:
    """An automation token as it is listed."""
    use = token.last_use
    return AutomationListed(
        id=token.id,
        creator_id=token.creator_id,
        customer_id=token.customer_id,
        name=token.name,
        access_token="",
        role=token.role or _NO_ROLE,
        ip=None if use is None else use.ip,
        user_agent=None if use is None else use.user_agent,
        scopes=str(token.scope),
        services=list(token.services),
        service_id=token.services[-1] if token.services else None,
        sudo_expires_at=stamp(token.sudo_until),
        last_used_at=stamp(None if use is None else use.at),
        created_at=stamp(token.created_at) or "",
        expires_at=stamp(token.expires_at),
        tls_access=token.tls_access,
        limits=shown_if_any(token.limits),
    )


_NO_ROLE: Final = ""  # every automation token has one


# Any: the fields of a shape by name.
def _common(token: Token, secret: str) -> dict[str, Any]:
    use = token.last_use
    return {
        "id": token.id,
        "services": list(token.services),
        "name": token.name,
        "role": token.role or _NO_ROLE,
        "access_token": secret,
        "scope": str(token.scope),
        "ip": None if use is None else use.ip,
        "created_at": stamp(token.created_at) or "",
        "last_used_at": stamp(None if use is None else use.at),
        "expires_at": stamp(token.expires_at),
        "user_agent": None if use is None else use.user_agent,
        "limits": shown_if_any(token.limits),
    }
