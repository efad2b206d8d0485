"""Lists of tokens: a bare JSON array, oldest first, of any length."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec
from starlette.responses import Response, StreamingResponse

from tallystick.core.caller import Reach
from tallystick.core.token import Token
from tallystick.http import wire
from tallystick.http.routes import Ask, json_answer

# One batch is read and encoded between two other requests: about 3 ms.
_BATCH: Final = 250
_ENCODER: Final = msgspec.json.Encoder()


async def listed(ask: Ask, reach: Reach) -> Response:
    """The tokens within reach.  A long list is read and sent batch by batch: it never stands in memory whole."""
    quirk = wire.quirk_of(ask.user_agent)
    batches = ask.wiring.store.tokens.batches(reach, size=_BATCH)
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
