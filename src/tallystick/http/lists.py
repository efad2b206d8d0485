"""Lists of tokens: a bare JSON array of any length, oldest first, or what was asked for, page by page."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec
from starlette.responses import Response, StreamingResponse

from tallystick.core.caller import Reach
from tallystick.core.token import Token
from tallystick.http import find, wire
from tallystick.http.routes import Ask, json_answer

# One batch is read and encoded between two other requests: about 3 ms.
_BATCH: Final = 250
_ENCODER: Final = msgspec.json.Encoder()


async def listed(ask: Ask, reach: Reach) -> Response:
    """The tokens within reach: all of them, or, when anything is asked for, a page with a `Link` to the next."""
    tokens = ask.wiring.store.tokens
    search = find.asked(ask)
    if search is None:
        return await _sent(ask, tokens.batches(reach, size=_BATCH))
    page = await tokens.find(reach, search.wanted, sort=search.sort, size=search.size, after=search.after)
    answer = await _sent(ask, _batches(page.tokens))
    if page.last is not None:
        answer.headers["link"] = find.next_page(ask, search, page.last)
    return answer


async def _batches(tokens: Sequence[Token]) -> AsyncIterator[list[Token]]:
    for start in range(0, len(tokens), _BATCH):
        yield list(tokens[start : start + _BATCH])


async def _sent(ask: Ask, batches: AsyncIterator[list[Token]]) -> Response:
    """A long list is read and sent batch by batch: it never stands in memory whole."""
    quirk = wire.quirk_of(ask.user_agent)
    first: list[Token] = await anext(batches, [])
    if len(first) < _BATCH:
        return json_answer([wire.token_read(ask.wiring.uses.latest(token), quirk) for token in first])
    headers = {"cache-control": "no-store"}
    return StreamingResponse(_chunks(ask, first, batches, quirk), 200, headers, "application/json")


async def _chunks(
    ask: Ask, first: list[Token], rest: AsyncIterator[list[Token]], quirk: wire.Quirk
) -> AsyncIterator[bytes]:
    def encode(tokens: list[Token]) -> bytes:
        return _ENCODER.encode([wire.token_read(ask.wiring.uses.latest(token), quirk) for token in tokens])[1:-1]

    yield b"[" + encode(first)
    async for batch in rest:
        # Others get their turn between two batches.
        await asyncio.sleep(0)  # noqa: TID251 - no waiting: it only lets others run
        yield b"," + encode(batch)
    yield b"]"
