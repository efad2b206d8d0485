"""How a table of routes tells what happened: the API in JSON, the console in pages (`web/manner.py`)."""

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from tallystick.core.errors import TallystickError
from tallystick.core.receipt import Receipt
from tallystick.http import errors


class Manner(Protocol):
    """What is answered when something went wrong, or was heard by everybody."""

    def failed(self, error: TallystickError, request: Request) -> Response:
        """What is wrong with a request."""

    def accident(self, request: Request) -> Response:
        """What should not have happened: without detail."""

    def heard(self, answer: Response, receipt: Receipt) -> None:
        """Everybody has heard of the change that this answers."""


class InJson:
    """As Fastly's API does.  `family`: that of its errors."""

    def __init__(self, family: errors.Family) -> None:
        self._family = family

    def failed(self, error: TallystickError, request: Request) -> Response:  # noqa: ARG002 - the same for all requests
        return errors.answer(error, family=self._family)

    def accident(self, request: Request) -> Response:  # noqa: ARG002 - as above
        return errors.accident(family=self._family)

    def heard(self, answer: Response, receipt: Receipt) -> None:
        told = f"seq={receipt.seq}, verifiers={receipt.verifiers}, waited_ms={receipt.waited_ms}"
        answer.headers["tallystick-receipt"] = told
