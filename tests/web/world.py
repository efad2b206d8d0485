"""The whole service with its console in this process, and somebody's browser without the browser: cookies, forms, pages."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import httpx2

from tallystick.core.people import User
from tallystick.http.app import build_app
from tallystick.web.app import console
from tests.http.world import PASSWORD, World, a_world


class Visit:
    """Somebody with a browser: `page` is what it shows."""

    def __init__(self, world: World, client: httpx2.AsyncClient) -> None:
        self.world = world
        self.client = client
        self.page = httpx2.Response(200)

    async def open(self, path: str, **more: Any) -> httpx2.Response:
        self.page = await self.client.get(path, **more)
        return self.page

    async def send(self, path: str, data: dict[str, Any], **more: Any) -> httpx2.Response:
        """Send a form of the page that is shown, with what it hides."""
        self.page = await self.client.post(path, data={**self.hidden, **data}, **more)
        return self.page

    async def sign_in(self, who: User, password: str = PASSWORD) -> httpx2.Response:
        await self.open("/console/sign-in")
        return await self.send("/console/sign-in", {"login": who.login, "password": password})

    @property
    def hidden(self) -> dict[str, str]:
        """The hidden fields of the page, by name; of the last form, where several have one."""
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.page.text)
        return {name: unescape(value) for name, value in found}

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", self.page.text)))


@asynccontextmanager
async def a_visit(**options: Any) -> AsyncIterator[Visit]:
    async with a_world(**options) as world, browsing(world) as visit:
        yield visit


@asynccontextmanager
async def browsing(world: World) -> AsyncIterator[Visit]:
    """One more browser."""
    app = build_app(world.wiring, console(world.wiring))
    transport = httpx2.ASGITransport(app, client=("192.0.2.1", 4711))
    async with httpx2.AsyncClient(
        transport=transport,
        base_url="http://tallystick.test",
        follow_redirects=True,
        headers={"user-agent": "Firefox/1"},
    ) as client:
        yield Visit(world, client)
