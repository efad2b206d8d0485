"""Pages by number, as Fastly counts them: `page` from 1, `per_page`, and a `Link` header, which is all that its Go client follows."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tallystick.http.queries import link, number, read

PAGES: Final = (
    number("page", "Which page, from 1.", most=1_000_000),
    number("per_page", "How many on a page.", most=1000),
)


class Numbered(msgspec.Struct, frozen=True):
    """One page of a list: its number, counted from 1, and how long a page is."""

    number: int
    size: int

    @property
    def skipped(self) -> int:
        """How many come before it."""
        return (self.number - 1) * self.size

    def pages(self, total: int) -> int:
        """How many pages a list of this length has; an empty one has one."""
        return max(1, -(-total // self.size))


def numbered(request: Request, *, per_page: int) -> Numbered:
    """The page that is asked for; of `per_page` when nothing else is said.  Raises `Invalid`."""
    asked = read(request, PAGES)
    return Numbered(asked.get("page", 1), asked.get("per_page", max(1, per_page)))


def link_pages(response: Response, request: Request, page: Numbered, *, total: int) -> Response:
    """The answer, with a `Link` to the next and to the last page, if more comes after this one."""
    last = page.pages(total)
    if page.number < last:
        targets = (("next", page.number + 1), ("last", last))
        response.headers["link"] = ", ".join(
            link(request, [("page", str(to)), ("per_page", str(page.size))], rel) for rel, to in targets
        )
    return response
