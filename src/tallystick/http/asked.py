"""A request, as the lane is told of it: what RSGI has, and no more of it than the lane asks for."""

from typing import Protocol, TypeAlias

Headers: TypeAlias = list[tuple[str, str]]
Answer: TypeAlias = tuple[int, Headers, bytes]
"""Status, headers, body.  Never changed: many answers share one."""


class Given(Protocol):
    """A request's headers, by name in lower case.  Values that are not ASCII cannot be read."""

    def __contains__(self, name: str, /) -> bool: ...
    def get(self, name: str, /) -> str | None:
        """The first of a name, if it can be read."""

    def get_all(self, name: str, /) -> list[str]:
        """All of a name that can be read."""


class Asked(Protocol):
    """`client`: address and port, with a colon between them."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query_string(self) -> str: ...
    @property
    def headers(self) -> Given: ...
    @property
    def client(self) -> str: ...


def host_of(client: str) -> str | None:
    """The address without the port, and without what marks it as one of IPv6."""
    host = client[: client.rfind(":")]
    return (host[1:-1].partition("%")[0] if host[:1] == "[" else host) or None
