"""Who may see and change services, people and the customer itself: what follows from scope, role, and a token's own limits.

Reading takes a scope that reads, changing takes `global`.  A token limited to services sees those, and changes nothing here:
it was made for a machine.  Other people are a superuser's to see and change.  The command line has no caller: whoever reads
the database may do anything.
"""

from collections.abc import Iterable

from tallystick.core import sudo
from tallystick.core.caller import Caller, require_superuser_of, require_unlimited
from tallystick.core.errors import Forbidden, NotFound
from tallystick.core.people import Role, Service, User, UserChange, normal_login
from tallystick.core.scope import VERIFY, require_read, require_write


def visible(services: Iterable[Service], caller: Caller) -> list[Service]:
    """Those of the customer's services that this token reaches.  Raises `Forbidden` by scope."""
    require_read(caller.token.scope)
    return reached(services, caller)


def reached(services: Iterable[Service], caller: Caller) -> list[Service]:
    """Those of the services that this token is for, whatever its scope."""
    return [each for each in services if _sees(caller, each)]


def require_visible(service: Service | None, caller: Caller, service_id: str) -> Service:
    """The service, if this token reaches it.  Raises `NotFound` alike for unknown, foreign and unreached ones."""
    require_read(caller.token.scope)
    if service is None or not _sees(caller, service):
        raise NotFound("Record not found", detail=f"Cannot find service {service_id!r}")
    return service


def require_may_verify(caller: Caller) -> None:
    """Raise `Forbidden` unless this token is for asking about others: of a superuser, or an automation token, which takes one to make."""
    if VERIFY not in caller.token.scope.words or (caller.user is not None and not caller.is_superuser):
        raise Forbidden.by_scope(f"This takes a token with scope {VERIFY}, made by a superuser", scope=VERIFY)


def require_may_change(caller: Caller) -> None:
    """Raise `Forbidden` unless a token for everything asks: what every change here takes, and a new password of one's own."""
    require_write(caller.token.scope)
    require_unlimited(caller)


def require_may_change_services(caller: Caller) -> None:
    """Raise `Forbidden` unless it is an engineer or a superuser who asks, with a token for everything."""
    require_may_change(caller)
    if caller.role not in (Role.ENGINEER, Role.SUPERUSER):
        raise Forbidden("Only engineers and superusers may change services")


def require_may_see_user(caller: Caller, user_id: str) -> None:
    """Raise `Forbidden` unless these are the caller's own data, or a superuser asks.  Whether there is such a user is not said."""
    require_read(caller.token.scope)
    require_unlimited(caller)
    if user_id != caller.person().id:
        _require_superuser(caller)


def require_may_see_users(caller: Caller, customer_id: str) -> None:
    """Raise `Forbidden` unless one of the customer's superusers asks, with a token for everything."""
    require_superuser_of(caller, customer_id)
    require_unlimited(caller)


def require_may_see_customer(caller: Caller, customer_id: str) -> None:
    """Raise `Forbidden` alike for a foreign customer and for none."""
    require_read(caller.token.scope)
    if caller.customer_id != customer_id:
        raise Forbidden("Only users of this customer may access this endpoint")


def require_may_change_customer(caller: Caller, customer_id: str) -> None:
    """Raise `Forbidden` unless one of its superusers asks."""
    require_may_see_customer(caller, customer_id)
    require_may_manage_people(caller)


def require_may_manage_people(caller: Caller) -> None:
    """Raise `Forbidden` unless a superuser asks, with a token for everything."""
    require_may_change(caller)
    _require_superuser(caller)


def permitted(change: UserChange, caller: Caller, user_id: str) -> UserChange:
    """What is to be written of a change.  Raises `Forbidden` when it is not this caller's to make.

    Everybody may change their own name and login, and send along what their role is already; the rest takes a superuser.
    """
    require_may_change(caller)
    user = caller.person()
    if user_id == user.id and change.role in (None, user.role) and change.locked in (None, user.locked):
        # By now both may be otherwise: what they only sent along must not bring it back.
        return UserChange(login=change.login, name=change.name, seen=change.seen)
    _require_superuser(caller)
    return change


def require_may_rename(caller: Caller, user: User, change: UserChange, *, now: int) -> None:
    """Raise `Forbidden` for another login, unless the token that asks is in sudo.

    Failed guesses are counted by login: under a new one whoever found a token could go on guessing for ever.
    """
    if change.login is not None and normal_login(change.login) != normal_login(user.login):
        sudo.require(caller, now=now)


def require_may_read_events(caller: Caller) -> None:
    """Raise `Forbidden` unless a superuser asks, with a token that reads and is not limited to services."""
    require_read(caller.token.scope)
    require_unlimited(caller)
    _require_superuser(caller)


def require_may_measure(caller: Caller) -> None:
    """Raise `Forbidden` unless a superuser or an automation token asks, which reads and is not limited to services.

    What is measured is of all customers together; a machine that watches over it needs no more than that.
    """
    require_read(caller.token.scope)
    require_unlimited(caller)
    if caller.user is not None:
        _require_superuser(caller)


def require_found(user: User | None, caller: Caller, user_id: str) -> User:
    """The user, if they are of the caller's customer.  Raises `NotFound` alike for unknown and foreign ones."""
    if user is None or user.customer_id != caller.customer_id:
        raise NotFound("Record not found", detail=f"Cannot find user {user_id!r}")
    return user


def _sees(caller: Caller, service: Service) -> bool:
    limits = caller.token.services
    return service.customer_id == caller.customer_id and (not limits or service.id in limits)


def _require_superuser(caller: Caller) -> None:
    if not caller.is_superuser:
        raise Forbidden("Only a superuser may do this")
