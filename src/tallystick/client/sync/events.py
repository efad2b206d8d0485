"""The API of events for programs that wait for their answers."""

from collections.abc import Iterator
from typing import Unpack

from tallystick.client import _events
from tallystick.client.filters import EventListing
from tallystick.client.models import Event
from tallystick.client.sync._api import Api


class EventsApi(Api):
    """Who did what: a Tallystick server's own, for superusers.  Fastly's events are something else.

        with EventsApi(url="https://tokens.example.com") as api:
            for event in api.iter_events(action="token.revoke", since="2026-01-01T00:00:00Z"):
                print(event.created_at, event.user_id, event.target_id)

    Made and closed like `TokensApi`, with the same arguments and the same errors.
    """

    def iter_events(self, **filters: Unpack[EventListing]) -> Iterator[Event]:
        """The events of the customer, newest first, asked for page by page, when they are needed.

        `filters`: see `EventListing`.  `NotFound` from a server that keeps none.
        """
        return self._each(_events.page_events(self._line, **filters))
