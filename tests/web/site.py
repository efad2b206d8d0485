"""A service with a console as people find theirs: tokens of some age, some used today, some about to end, names of all kinds."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.cli.keyfile import load_keys
from tallystick.core.events import Origin
from tallystick.core.hour import HOUR_MS, hour_of
from tallystick.core.people import Role, Service, User
from tallystick.core.ports import Store
from tallystick.core.scope import Scope
from tallystick.core.secret import Secret, digester, new_id
from tallystick.core.token import LastUse, Token
from tallystick.core.usage import Usage
from tallystick.storage import open_store
from tests.cli.program import Running, demo

DAY = 24 * HOUR_MS
HOSTILE = (
    "<script>alert(1)</script>",
    "\u202etxt.exe of Mallory\u202c",
    "deploy 🚀 \u00e9l\u00e8ve مرحبا",
    "x" * 255,
    "'\"><img src=x onerror=alert(1)>",
)


@dataclass(frozen=True)
class Site:
    """Where it is, what its environment file says, and its directory."""

    server: Running
    env: dict[str, str]
    directory: Path

    @property
    def url(self) -> str:
        return self.server.url


@contextmanager
def a_site(directory: Path, *arguments: str) -> Iterator[Site]:
    """A demo world in a process of its own, filled with what `fill` makes."""
    with demo(directory, *arguments) as (server, env):
        asyncio.run(fill(directory / "tallystick-demo", env))
        yield Site(server, env, directory / "tallystick-demo")


async def fill(directory: Path, env: dict[str, str]) -> None:
    store = await open_store(f"sqlite:{directory / 'tallystick.db'}")
    try:
        await _fill(store, directory, env)
    finally:
        await store.close()


async def _fill(store: Store, directory: Path, env: dict[str, str]) -> None:
    keys, now = load_keys(directory / "tallystick.key"), _now()
    digest, by = digester(keys.digests), Origin(at=now)
    users = {user.login: user for user in await store.people.users()}
    root, anna = users[env["SUPERUSER_LOGIN"]], users[env["USER_LOGIN"]]
    shop, blog = env["SERVICE_1"], env["SERVICE_2"]
    people = [_person(root, f"{name.lower()}@example.com", name, role, now) for name, role in _STAFF]
    for person in people:
        await store.people.add_user(person, password_hash="!", by=by)
    await store.people.add_service(
        Service(id=new_id(), customer_id=root.customer_id, name="docs <beta>", created_at=now), by=by
    )

    async def give(owner: User | None, name: str, scope: str = "global", **more: Any) -> str:
        token = Token(
            id=new_id(),
            user_id=None if owner is None else owner.id,
            customer_id=root.customer_id,
            name=name,
            scope=Scope.parse(scope),
            services=more.pop("services", ()),
            created_at=now - more.pop("age", DAY),
            **more,
        )
        added = Origin(at=now, user_id=root.id, ip="10.0.0.5", user_agent="seed/1")
        await store.tokens.add(token, digest(Secret.mint()), limit=1000, parent_id=None, by=added)
        return token.id

    for owner in (anna, root):
        ci = await give(
            owner, "ci purge shop", "purge_select", services=(shop,), age=90 * DAY, expires_at=now + 9 * DAY
        )
        edge = await give(owner, "edge dashboards", "global:read", age=200 * DAY)
        await give(owner, "old laptop", age=400 * DAY, expires_at=now - 3 * DAY)
        await give(owner, "blog importer", "purge_all purge_select", services=(shop, blog), expires_at=now + 300 * DAY)
        await store.tokens.touch(
            [
                (ci, LastUse(now - 3 * 60_000, "10.0.0.5", "curl/8.5.0")),
                (edge, LastUse(now - 40 * 60_000, "2001:db8::17", "python-httpx/0.28 (metrics)")),
            ],
            [*_hours(ci, now, 40), *_hours(edge, now, 400, refused=30)],
        )
    for name in HOSTILE:
        await give(people[0], name, age=30 * DAY)
    for number in range(40):
        await give(people[1 + number % 3], f"worker {number:02}", "global:read", age=(number + 2) * DAY)
    robot = await give(
        None,
        "nightly backup",
        "global:read",
        role=Role.ENGINEER,
        creator_id=root.id,
        age=60 * DAY,
        expires_at=now + 5 * DAY,
    )
    await give(None, "status page", "verify", role=Role.USER, creator_id=root.id, age=10 * DAY)
    await store.tokens.touch([(robot, LastUse(now - 5 * HOUR_MS, "10.0.0.9", "backup/2"))], _hours(robot, now, 3))


_STAFF = (("Mallory", Role.USER), ("Bert", Role.ENGINEER), ("Clara", Role.BILLING), ("Dora", Role.USER))


def _now() -> int:
    import time

    return time.time_ns() // 1_000_000


def _person(like: User, login: str, name: str, role: Role, now: int) -> User:
    return User(
        id=new_id(),
        customer_id=like.customer_id,
        login=login,
        name=name,
        role=role,
        two_factor=False,
        created_at=now,
        updated_at=now,
    )


def _hours(token_id: str, now: int, most: int, *, refused: int = 0) -> list[Usage]:
    """Thirty days, busier by day, quiet at weekends."""
    hours = [hour_of(now) - back * HOUR_MS for back in range(30 * 24)]
    return [
        Usage(token_id, hour, allowed=count, scope=refused if number % 17 == 3 else 0)
        for number, hour in enumerate(hours)
        if (count := int(most * _weight(hour)) + number % 5)
    ]


def _weight(hour: int) -> float:
    of_day, of_week = hour // HOUR_MS % 24, hour // DAY % 7
    return (0.2 if of_week in (2, 3) else 1.0) * max(0.08, 1 - abs(of_day - 13) / 9)
