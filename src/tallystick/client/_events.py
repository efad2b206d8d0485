"""Events: what is sent, and how the answer is read.  No I/O."""

from typing import Final, Unpack

from tallystick.client import models
from tallystick.client._flow import Flow
from tallystick.client._line import Line
from tallystick.client._pages import Page, first_page
from tallystick.client.filters import EventListing, written
from tallystick.client.models import Event

_PAGE: Final = "100"


def page_events(line: Line, **filters: Unpack[EventListing]) -> Flow[Page[Event]]:
    asked = {"limit": _PAGE} | written(filters, EventListing)
    # It has something else under the same path.
    line.require_tallystick("these events")
    return first_page(line, "/events", models.read_page_of_events, asked.items())
