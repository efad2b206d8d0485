"""The API of events for programs that run in an asyncio loop."""

from collections.abc import AsyncIterator
from typing import Unpack

from tallystick.client import _events
from tallystick.client.aio._api import AsyncApi
from tallystick.client.filters import EventListing
from tallystick.client.models import Event


class AsyncEventsApi(AsyncApi):
    """`EventsApi` with `await` before every method.

    Arguments, results and errors are the same.  One client may be used by many tasks of one loop.
    """

    def iter_events(self, **filters: Unpack[EventListing]) -> AsyncIterator[Event]:
        """See `EventsApi.iter_events`."""
        return self._each(_events.page_events(self._line, **filters))
