"""Over RSGI the service is told of requests, and answers them, as over Granian's own ASGI; and a long answer waits for its client."""

import asyncio
import json
import socket
from typing import Any

import pytest
from granian.constants import Interfaces
from starlette.types import Receive, Scope, Send

from tallystick.cli.listen import Address
from tallystick.core.people import Role
from tallystick.http.app import ROUTES, build_front
from tallystick.http.asked import Asked
from tallystick.http.outflow import PIPE_HOLDS
from tallystick.http.routes import router
from tallystick.http.rsgi import Front
from tests.core.world import ANNA, ROOT
from tests.http.serving import serving, split, talk
from tests.http.world import World, nameless

MIB = 1024 * 1024
CLOSE = b"Connection: close\r\n"


class Nothing:
    """A lane that never has an answer."""

    def answer(self, _asked: Asked) -> None:
        return None

    async def answer_from_store(self, _asked: Asked) -> None:
        return None


async def both(app: Any, *parts: bytes, ends: bool = False) -> tuple[str, list[tuple[str, str]], bytes]:
    """What is answered over RSGI, which is what is answered over ASGI."""
    async with serving(app, Interfaces.ASGINL) as asgi, serving(Front(Nothing(), app)) as rsgi:
        expected = split(await talk(asgi, *parts, ends=ends))
        assert split(await talk(rsgi, *parts, ends=ends)) == expected
    return expected


async def telling(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it was told."""
    messages = []
    while True:
        message = await receive()
        messages.append(repr(message))
        if not message.get("more_body"):
            break
    hosts = {name: repr((scope[name][0], type(scope[name][1]))) for name in ("client", "server")}
    left_out = ("asgi", "extensions", "state", "raw_path", *hosts)
    told = {name: repr(value) for name, value in scope.items() if name not in left_out}
    body = json.dumps([told, hosts, messages], sort_keys=True).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-told", b"1")]})
    await send({"type": "http.response.body", "body": body})


def told(answer: tuple[str, list[tuple[str, str]], bytes]) -> tuple[dict[str, str], list[str]]:
    """The scope, and the messages that came, as Python writes them."""
    scope, _, messages = json.loads(answer[2])
    return scope, messages


@pytest.mark.parametrize(
    "line, headers",
    [
        (b"GET / HTTP/1.1", b"Host: a\r\n"),
        (b"GET /a%20b/%C3%A9%FF/%2F HTTP/1.1", b"Host: a\r\n"),
        (b"GET /\xc3\xa9?\xc3\xa9=%ff&a=1&a=2&+ HTTP/1.1", b"Host: a\r\n"),
        (b"GET /?? HTTP/1.1", b"Host: a\r\nX-One: a\r\nX-Two: b\r\nx-one:  c \r\nX-Empty:\r\nX-Tab: a\tb\r\n"),
        (b"HEAD /x HTTP/1.1", b"Host: a\r\n"),
        (b"OPTIONS * HTTP/1.1", b"Host: a\r\n"),
        (b"PURGE /x HTTP/1.1", b"Host: a\r\n"),
        (b"GET http://there.example:81/x?y HTTP/1.1", b""),
        (b"GET http://there.example:81/x?y HTTP/1.1", b"Host: a\r\n"),
        (b"GET /x HTTP/1.0", b""),
        (b"GET /x HTTP/1.1", b"Host: a\r\nX: \x7f\r\n"),
        (b"GET /x?\xff HTTP/1.1", b"Host: a\r\n"),
    ],
)
async def test_a_request_is_told_as_granian_tells_it(line: bytes, headers: bytes) -> None:
    await both(telling, line + b"\r\n" + headers + CLOSE + b"\r\n")


@pytest.mark.parametrize(
    "headers, parts, ends, messages",
    [
        (b"Content-Length: 5\r\n", [b"hello"], False, ["hello", "whole"]),
        (b"Content-Length: 0\r\n", [], False, ["whole"]),
        (b"", [], False, ["whole"]),
        (b"Transfer-Encoding: chunked\r\n", [b"5\r\nhello\r\n0\r\n\r\n"], False, ["hello", "whole"]),
        (b"Transfer-Encoding: chunked\r\n", [b"0\r\n\r\n"], False, ["whole"]),
        (
            b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            [b"5\r\nhello\r\n0\r\n\r\n"],
            False,
            ["hello", "whole"],
        ),
        (b"Content-Length: 9\r\n", [b"hello"], True, ["hello", "broken off"]),
        (b"Content-Length: 9\r\n", [], True, ["broken off"]),
        (b"Transfer-Encoding: chunked\r\n", [b"5\r\nhello\r\n"], True, ["hello", "broken off"]),
        (b"Transfer-Encoding: chunked\r\n", [b"5\r\nhello\r\n", b"zz\r\n"], False, ["hello", "broken off"]),
    ],
)
async def test_a_body_is_whole_or_it_is_said_that_it_is_not(
    headers: bytes, parts: list[bytes], ends: bool, messages: list[str]
) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: a\r\n" + CLOSE + headers + b"\r\n"

    _, came = told(await both(telling, head, *parts, ends=ends))

    names = {
        "whole": {"type": "http.request", "body": b"", "more_body": False},
        "broken off": {"type": "http.disconnect"},
        "hello": {"type": "http.request", "body": b"hello", "more_body": True},
    }
    assert came == [repr(names[name]) for name in messages]


async def test_trailers_after_a_body_count_as_one_that_broke_off() -> None:
    head = b"POST /x HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"

    async with serving(Front(Nothing(), telling)) as address:
        _, came = told(split(await talk(address, head, b"5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n")))

    assert came[-1] == repr({"type": "http.disconnect"})


async def test_a_header_that_cannot_be_read_is_there_all_the_same() -> None:
    sent = b"Host: a\r\nUser-Agent: caf\xe9\r\nX-Some: 1\r\nX-Some: \xff\r\nX-UTF: \xc3\xa9\r\n"

    async with serving(Front(Nothing(), telling)) as address:
        scope, _ = told(split(await talk(address, b"GET / HTTP/1.1\r\n" + sent + CLOSE + b"\r\n")))

    assert scope["headers"] == repr(
        [(b"host", b"a"), (b"x-some", b"1"), (b"connection", b"close"), (b"user-agent", b"?"), (b"x-utf", b"?")]
    )


def answering(status: int, headers: list[tuple[bytes, bytes]], *pieces: bytes, in_one: bool = False) -> Any:
    """An application that answers in pieces, or `in_one`."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": not in_one})
        if not in_one:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


PIECES = [[], [b"a", b"", b"b"], [b"x" * PIPE_HOLDS], [b"x" * PIPE_HOLDS, b"y"], [b"1" * 90_000, b"2" * 300_000, b"3"]]


@pytest.mark.parametrize("pieces", PIECES, ids=lambda pieces: str([len(piece) for piece in pieces]))
@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"GET / HTTP/1.0"])
async def test_an_answer_in_pieces_comes_whole(pieces: list[bytes], line: bytes) -> None:
    app = answering(200, [(b"x-a", b"1"), (b"x-a", b"2")], *pieces)

    async with serving(Front(Nothing(), app)) as address:
        _, headers, body = split(await talk(address, line + b"\r\nHost: a\r\n" + CLOSE + b"\r\n"))

    assert body == b"".join(pieces)
    assert [value for name, value in headers if name == "x-a"] == ["1", "2"]


@pytest.mark.parametrize(
    "method, status, headers, body",
    [
        ("GET", 200, [(b"content-type", b"a/b"), (b"set-cookie", b"1"), (b"set-cookie", b"2")], b"body"),
        ("HEAD", 200, [(b"content-length", b"4")], b""),
        ("HEAD", 200, [], b""),
        ("DELETE", 204, [(b"cache-control", b"no-store")], b""),
        ("GET", 304, [], b""),
        ("GET", 500, [(b"content-length", b"0")], b""),
        ("GET", 200, [(b"server", b"ours"), (b"X-Upper", b"a\tb")], b"x" * MIB),
    ],
)
async def test_an_answer_in_one_piece_is_the_same(
    method: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    app = answering(status, headers, body, in_one=True)

    await both(app, f"{method} / HTTP/1.1\r\nHost: a\r\n".encode() + CLOSE + b"\r\n")


class Long:
    """An application that answers 64 MiB, and counts what it has sent."""

    total = 64 * MIB

    def __init__(self) -> None:
        self.sent = 0
        self.ended: asyncio.Future[type[Exception] | None] = asyncio.get_running_loop().create_future()

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            for _ in range(self.total // 65_536):
                await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
                self.sent += 65_536
        except Exception as error:
            self.ended.set_result(type(error))
            raise
        await send({"type": "http.response.body", "body": b""})
        self.ended.set_result(None)


async def begun(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request, over a connection of which our side holds little: else the system lets it grow by what it has to spare."""
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    connected.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connected, (address.host, address.port))
    reader, writer = await asyncio.open_connection(sock=connected, limit=65_536)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n" + CLOSE + b"\r\n")
    return reader, writer


async def test_what_the_client_has_not_read_is_not_kept() -> None:
    """Else each slow reader of a long list would have all of it stand in memory."""
    app, ahead, read = Long(), 0, 0
    async with serving(Front(Nothing(), app)) as address:
        reader, writer = await begun(address)
        while part := await reader.read(65_536):
            read += len(part)
            ahead = max(ahead, app.sent - read)
        writer.close()
        assert await app.ended is None

    assert read > app.total
    assert ahead < app.total // 4, "the pipe and the sockets hold some megabytes"


async def test_who_sends_to_a_client_that_is_gone_is_told() -> None:
    app = Long()
    async with serving(Front(Nothing(), app)) as address:
        reader, writer = await begun(address)
        await reader.readexactly(1000)
        writer.transport.abort()

        ended = await app.ended

    assert ended is not None
    assert issubclass(ended, OSError)
    assert app.sent < app.total


async def test_a_client_that_leaves_before_it_was_answered_is_noticed() -> None:
    waits = asyncio.Event()
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        await receive()
        waits.set()
        gone.set_result((await receive())["type"])

    async with serving(Front(Nothing(), app)) as address:
        _, writer = await begun(address)
        await waits.wait()
        assert not gone.done()

        writer.transport.abort()

        assert await gone == "http.disconnect"


# --- The service itself -------------------------------------------------------------------------------------------------


async def exchanged(address: Address, line: str, headers: dict[str, str]) -> tuple[str, list[tuple[str, str]], bytes]:
    sent = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    status, answered, body = split(
        await talk(address, f"{line} HTTP/1.1\r\nHost: a\r\n{sent}".encode("latin-1") + CLOSE + b"\r\n")
    )
    return status, nameless(answered), body


ASKED = [
    ("GET /check", {"Fastly-Key": "SECRET"}),
    ("HEAD /check", {"Fastly-Key": "SECRET", "User-Agent": "test/1"}),
    ("GET /check?scope=global:read", {"Authorization": "Bearer SECRET"}),
    ("GET /check?scope=purge_all", {"Fastly-Key": "SECRET"}),
    ("GET /check?scope=%67lobal", {"fastly-key": "SECRET"}),
    ("GET /tokens/self", {"Fastly-Key": "SECRET", "User-Agent": "test/1"}),
    ("HEAD /tokens/self", {"Fastly-Key": "SECRET", "User-Agent": 'a"\\b'}),
    ("GET /tokens%2Fself", {"Fastly-Key": "SECRET"}),
    ("GET /tokens/self", {"Fastly-Key": "SECRET", "User-Agent": "caf\xe9"}),
    ("GET /tokens/self", {"Fastly-Key": "SECRET", "Authorization": "Bearer other"}),
    ("GET /tokens/self", {"Fastly-Key": "\xff"}),
    ("GET /tokens/self", {"Fastly-Key": "\xff", "Authorization": "Bearer SECRET"}),
    ("GET /tokens/self", {"Fastly-Key": "SECRET", "Authorization": "\xff"}),
    ("GET /tokens/self", {}),
]


@pytest.mark.parametrize("line, headers", ASKED)
async def test_the_lane_says_to_the_byte_what_the_ordinary_route_says(
    world: World, line: str, headers: dict[str, str]
) -> None:
    _, secret = await world.give(ANNA, "some", "global:read")
    filled = {name: value.replace("SECRET", secret) for name, value in headers.items()}
    ordinary = Front(Nothing(), router(ROUTES, world.wiring))
    async with serving(ordinary) as without, serving(build_front(world.wiring)) as address:
        expected = await exchanged(without, line, filled)

        assert await exchanged(address, line, filled) == expected


async def test_a_body_that_is_not_read_is_not_taken_for_the_next_request(world: World) -> None:
    secret = world.secrets[ANNA.id]
    head = f"POST /check HTTP/1.1\r\nHost: a\r\nFastly-Key: {secret}\r\n".encode()
    body = b"Content-Length: 17\r\n\r\nGET / HTTP/1.1\r\n\r"

    async with serving(build_front(world.wiring)) as address:
        for _ in range(2):
            answers = await talk(address, head + body, head + CLOSE + body)

            assert answers.count(b"HTTP/1.1 ") == answers.count(b"HTTP/1.1 200 OK") == 2


async def test_a_header_that_nobody_can_read_is_no_accident(world: World) -> None:
    secret = world.secrets[ANNA.id]
    async with serving(build_front(world.wiring)) as address:
        agent = await exchanged(address, "GET /tokens/self", {"Fastly-Key": secret, "User-Agent": "caf\xe9"})
        key = await exchanged(address, "GET /tokens/self", {"Fastly-Key": "\xff"})
        other = await exchanged(address, "POST /sudo", {"Fastly-Key": secret, "Content-Type": "\xff", "X-Id": "\xff"})

    assert (agent[0], json.loads(agent[2])["user_agent"]) == ("HTTP/1.1 200 OK", "?")
    assert key[0] == "HTTP/1.1 401 Unauthorized"
    assert other[0] == "HTTP/1.1 400 Bad Request"


async def test_a_long_list_comes_whole(world: World) -> None:
    for n in range(600):
        await world.give(ROOT, f"token {n} " + "x" * 200)
    by_asgi = await world.ask("GET", "/tokens", ROOT)

    async with serving(build_front(world.wiring)) as address:
        status, headers, body = await exchanged(address, "GET /tokens", {"Fastly-Key": world.secrets[ROOT.id]})
        head = await exchanged(address, "HEAD /tokens", {"Fastly-Key": world.secrets[ROOT.id]})

    assert ROOT.role is Role.SUPERUSER
    assert (status, len(json.loads(body))) == ("HTTP/1.1 200 OK", 601)
    assert [token["id"] for token in json.loads(body)] == [token["id"] for token in by_asgi.json()]
    assert ("transfer-encoding", "chunked") in headers
    assert (head[0], head[2]) == ("HTTP/1.1 200 OK", b"")
