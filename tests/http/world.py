"""The whole service in this process: real store, real guards, a clock that stands still, and everybody's tokens at hand."""

import asyncio
from base64 import b64encode
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, MutableMapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from argon2.profiles import CHEAPEST

from tallystick.core.admission import Admission
from tallystick.core.budget import Budget
from tallystick.core.people import User
from tallystick.core.ports import Store
from tallystick.core.proxies import Proxies
from tallystick.core.rates import LocalRates
from tallystick.core.secret import Secret, digester
from tallystick.core.token import Token
from tallystick.core.use import Uses
from tallystick.http.app import build_app
from tallystick.http.exposition import Exposition
from tallystick.http.following import Memory
from tallystick.http.guards import operator
from tallystick.http.measuring import Measuring
from tallystick.http.routes import Guard, Wiring
from tallystick.identity import totp
from tallystick.identity.accounts import Accounts
from tallystick.identity.keys import Keys
from tallystick.identity.password import Passwords
from tallystick.identity.proof import Prover
from tallystick.storage import open_store, prepare
from tests.core.world import ANNA, BERT, NOW, ROOT, SECOND, STRANGER, FakeClock, add, at, populated, token

Message = MutableMapping[str, Any]  # of ASGI
KEYS = Keys.derive(bytes(range(32)))
PASSWORDS = Passwords(CHEAPEST)
PASSWORD = "correct horse battery staple"
_STORED = PASSWORDS.hash(PASSWORD)
BY_PASSWORD = {"username": ANNA.login, "password": PASSWORD}
OTP_SECRET = b"12345678901234567890"
OTP_USER = BERT  # Bert has an authenticator, the others do not


class World:
    """What a test asks the service with.  `secrets`: of one global token each, by user id."""

    def __init__(self, store: Store, client: httpx2.AsyncClient, clock: FakeClock, wiring: Wiring) -> None:
        self.store = store
        self.client = client
        self.clock = clock
        self.wiring = wiring
        self.app = build_app(wiring)
        self.secrets: dict[str, str] = {}

    async def ask(self, method: str, path: str, who: User | str | None = None, **more: Any) -> httpx2.Response:
        """One request: as a user with their global token, with a secret, or as nobody.  `more`: as httpx2 has it."""
        secret = self.secrets[who.id] if isinstance(who, User) else who
        headers = {**({} if secret is None else {"Fastly-Key": secret}), **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)

    async def messages(
        self, method: str, path: str, who: User, *received: Message, sent: list[Message] | None = None
    ) -> list[Message]:
        """What the application sends to the server, as it sends it: httpx2 tidies up, as a good client should.

        `received`: what the server passes on, if not an empty body.  `sent`: where to put it, for whoever looks meanwhile.
        """
        sent = [] if sent is None else sent
        waiting = list(received) or [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Message:
            return waiting.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"fastly-key", self.secrets[who.id].encode())]
        asgi = {"version": "3.0", "spec_version": "2.4"}
        scope = {"type": "http", "asgi": asgi, "method": method, "path": path, "query_string": b"", "headers": headers}
        await self.app(scope, receive, send)
        return sent

    async def create(self, who: User | str | None = None, **more: Any) -> httpx2.Response:
        return await self.ask("POST", "/tokens", who, **more)

    async def give(self, owner: User, name: str, scope: str = "global", **fields: Any) -> tuple[Token, str]:
        """One more token of this user, straight into the store; with what a new one has not (`sudo_until`) set after."""
        secret = Secret.mint()
        kept = await add(self.store, token(owner, name, scope, **fields), secret)
        if until := fields.get("sudo_until"):
            await self.store.tokens.raise_sudo(kept.id, until=until, by=at(NOW))
        return kept, secret.reveal()

    async def live(self, token_id: str) -> bool:
        found = await self.store.tokens.get(token_id)
        return found is not None and found.is_live(self.clock.now())

    async def count(self, owner: User) -> int:
        """How many tokens its user sees."""
        response = await self.ask("GET", "/tokens", owner)
        return len(response.json())

    def otp(self, drift: int = 0) -> dict[str, str]:
        """The header with Bert's code, so many steps off."""
        return {"Fastly-OTP": totp.code_at(OTP_SECRET, self.clock.now() + drift * 30 * SECOND)}


@asynccontextmanager
async def a_world(
    url: str = "memory:",
    *,
    store: Store | None = None,
    writes_per_hour: int = 1000,
    scraping: Guard = operator,
    trusted_proxies: Sequence[str] = (),
) -> AsyncIterator[World]:
    """The service over the store that `url` names, or over `store`."""
    if store is None:
        prepare(url)
        store = await open_store(url)
    try:
        clock = FakeClock()
        wiring = wire(store, clock, writes_per_hour=writes_per_hour, scraping=scraping)
        wiring = msgspec.structs.replace(wiring, proxies=Proxies(trusted_proxies))
        await wiring.memory.start()
        transport = httpx2.ASGITransport(build_app(wiring), client=("192.0.2.1", 4711))
        async with httpx2.AsyncClient(transport=transport, base_url="http://tallystick.test") as client:
            client.headers["user-agent"] = "test/1"
            world = World(store, client, clock, wiring)
            await _people(world)
            yield world
    finally:
        await wiring.memory.finish()
        await store.close()


def wire(store: Store, clock: FakeClock, *, writes_per_hour: int = 1000, scraping: Guard = operator) -> Wiring:
    prover = Prover(
        store.people,
        store.guesses,
        clock=clock,
        keys=KEYS,
        passwords=PASSWORDS,
        in_thread=asyncio.to_thread,
        slot=asyncio.Semaphore(2),
    )
    accounts = Accounts(store.people, keys=KEYS, passwords=PASSWORDS, in_thread=asyncio.to_thread)
    budget = Budget(store.budgets, limit=writes_per_hour)
    memory = Memory(store.tokens, store.changes)
    return Wiring(
        store,
        clock,
        Uses(),
        digester(bytes(32)),
        prover,
        accounts,
        budget,
        memory,
        Admission(store.limits, LocalRates()),
        KEYS,
        Measuring(Exposition(None)),
        scraping=scraping,
    )


def sqlite_in(directory: Path) -> str:
    return f"sqlite:{directory / 'tokens.db'}"


async def _people(world: World) -> None:
    await populated(world.store)
    for person in (ROOT, ANNA, BERT, STRANGER):
        await world.store.people.set_password(person.id, password_hash=_STORED, replacing=None, by=at(NOW))
        _, world.secrets[person.id] = await world.give(person, "main")
    sealed = KEYS.seal(OTP_SECRET, owner=OTP_USER.id)
    await world.store.people.set_totp(OTP_USER.id, sealed=sealed, by=at(NOW))


def basic(login: str, password: str) -> dict[str, str]:
    """Basic credentials, as a header."""
    return {"Authorization": "Basic " + b64encode(f"{login}:{password}".encode()).decode()}


_REFUSAL = ("tallystick-refusal", "x-request-id")


def nameless(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without what names a refusal, which is another one each time: how long it is."""
    return [(name, value if name.lower() not in _REFUSAL else str(len(value))) for name, value in headers]


def filled(path: str, **parts: str) -> str:
    """A path of the route table with its parameters filled in; those that are not given name nothing."""
    return path.format_map(defaultdict(lambda: "some-id", parts))


def main_id(owner: User) -> str:
    """The id of the token that `secrets` has of this user."""
    return token(owner, "main").id


_TITLES = {"invalid_request": "Invalid request", "invalid_scope": "Invalid scope"}


def error_of(response: httpx2.Response) -> dict[str, str]:
    """The body of an error: `msg` first, `detail` and `code` where there are any, and nothing else.

    In the newer family, where automation tokens are, `detail` has both sentences.
    """
    assert response.headers["cache-control"] == "no-store"
    if response.headers["content-type"] == "application/problem+json":
        _, told = problem_of(response)
        code = response.json().get("code")
        if code in _TITLES:
            return {"msg": _TITLES[code], "detail": told, "code": code}
        return dict(zip(("msg", "detail"), told.split(": ", 1), strict=False))
    assert response.headers["content-type"] == "application/json"
    body = msgspec.json.decode(response.content, type=dict[str, str])
    assert list(body) == [key for key in ("msg", "detail", "code") if key in body]
    assert body["msg"]
    return body


def problem_of(response: httpx2.Response) -> tuple[int, str]:
    """Status and detail of an error of the newer family."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert [name for name in body if name not in ("code", "error")] == ["title", "status", "detail", "errors"]
    assert ("error" in body) is response.url.path.startswith("/oauth/")
    assert body["status"] == response.status_code
    assert body["errors"] is None
    return response.status_code, body["detail"]
