"""What pages load: the style sheet, the scripts and the icon.  Read once, sent packed, kept by browsers until they change."""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from starlette.responses import Response

from tallystick.core.errors import NotFound
from tallystick.http.routes import Ask

_HERE: Final = Path(__file__).parent / "static"
_FILES: Final = {
    "console.css": ("console.css", "text/css; charset=utf-8"),
    "console.js": ("console.js", "text/javascript; charset=utf-8"),
    "htmx.js": ("htmx/htmx.min.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}


class _File(msgspec.Struct, frozen=True):
    plain: bytes
    packed: bytes
    media: str
    tag: str


async def file(ask: Ask) -> Response:
    """One of the files."""
    name = ask.param("name")
    if name not in _FILES:
        raise NotFound("There is no such file")
    found = _read(name)
    current = ask.request.query_params.get("v") == found.tag
    headers = {
        "cache-control": "public, max-age=31536000, immutable" if current else "no-cache",
        "content-type": found.media,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    if "gzip" in ask.request.headers.get("accept-encoding", ""):
        return Response(found.packed, 200, {**headers, "content-encoding": "gzip"})
    return Response(found.plain, 200, headers)


def address(name: str) -> str:
    """Where a page finds it: another address when it is another file."""
    return f"/console/static/{name}?v={_read(name).tag}"


@cache
def _read(name: str) -> _File:
    path, media = _FILES[name]
    plain = (_HERE / path).read_bytes()
    tag = hashlib.sha256(plain).hexdigest()[:12]
    return _File(plain, gzip.compress(plain, 9, mtime=0), media, tag)
