"""What every API for programs that wait for their answers is made of.  All logic is in the flows."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tallystick.client._flow import Flow, Reply, Request, T, answered, lost
from tallystick.client._line import HEADERS, Line
from tallystick.client._pages import Page
from tallystick.client._target import target
from tallystick.core.secret import Secret

if TYPE_CHECKING:
    import httpx2


class Api:
    """One server, one token, some connections.  `TokensApi` says what the arguments mean."""

    def __init__(
        self,
        token: str | Secret | None = None,
        *,
        url: str | None = None,
        timeout: float = 10.0,
        patience: float = 30.0,
        transport: "httpx2.BaseTransport | None" = None,
    ) -> None:
        # Here, not above: it is two thirds of the import time of the whole client.
        import httpx2

        self._line = Line(target(token, url), patience=patience)
        self._http = httpx2.Client(timeout=timeout, transport=transport, headers=HEADERS)
        self._accidents = (httpx2.HTTPError, httpx2.InvalidURL)

    @property
    def has_token(self) -> bool:
        """Whether this client speaks with a token; without one it can only create one, by password."""
        return self._line.has_token

    def close(self) -> None:
        """Close the connections.  `with` does it too."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        try:
            request = next(flow)
            while True:
                request = flow.send(self._exchange(request))
        except StopIteration as end:
            result: T = end.value
            return result

    def _each(self, flow: Flow[Page[T]]) -> Iterator[T]:
        page = self._run(flow)
        yield from page.items
        while page.then is not None:
            page = self._run(page.then())
            yield from page.items

    def _exchange(self, request: Request) -> Reply:
        if request.after:
            time.sleep(request.after)  # noqa: TID251  (the server said how long)
        try:
            response = self._http.request(
                request.method, request.url, headers=request.headers, content=request.content or None
            )
        except self._accidents as error:
            return lost(error, request)
        return answered(response, now=time.time())
