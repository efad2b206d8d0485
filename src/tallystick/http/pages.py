"""What the service says of itself: the OpenAPI document, the same as a page, and a word of welcome."""

import base64
import hashlib
from functools import lru_cache
from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.http import openapi, openapi_html
from tallystick.http.routes import Ask, Route, json_answer

_NO_STORE: Final = {"cache-control": "no-store"}


async def openapi_document(ask: Ask) -> Response:
    """Get this description, as OpenAPI 3.1."""
    return Response(_document(ask.table), 200, _NO_STORE, "application/json")


async def docs_page(ask: Ask) -> Response:
    """Get this description, as a page to read.  It loads nothing, runs nothing, and works without a network."""
    page, headers = _page(ask.table)
    return Response(page, 200, headers, "text/html")


async def welcome(_ask: Ask) -> Response:
    """Say what this is, and where to read on."""
    return json_answer({"service": "tallystick", "console": "/console", "docs": "/docs", "openapi": "/openapi.json"})


@lru_cache(maxsize=4)
def _document(table: tuple[Route, ...]) -> bytes:
    return msgspec.json.encode(openapi.document(table))


@lru_cache(maxsize=4)
def _page(table: tuple[Route, ...]) -> tuple[str, dict[str, str]]:
    style = openapi_html.style()
    fingerprint = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = [
        "default-src 'none'",
        f"style-src 'sha256-{fingerprint}'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    headers = {
        **_NO_STORE,
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }
    return openapi_html.page(openapi.document(table), style), headers
