"""npm `fastly` as it is, aimed at the service under test: a node process that takes one call after the other."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from tests.clients.refusals import Refusal
from tests.clients.world import World

STOP_SECONDS_MAX = 10
DRIVER = Path(__file__).with_name("driver.mjs")


class Rejected(Exception):
    """The client's promise was rejected.  `status` None: not by an answer of the service."""

    def __init__(self, status: int | None, body: dict[str, str] | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class Client:
    """The client, with whatever token a call names.  Its process ends with the `with`.

    `left`, `resets`: how many writes the client believed were left after the call before, and until when.
    """

    def __init__(self, node: str, world: World) -> None:
        self.world = world
        self.left: int | None = None
        self.resets: int | None = None
        # An empty environment: the client would take a token from there.
        self._process = subprocess.Popen(
            [node, str(DRIVER), world.api_url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={}, text=True
        )

    # Any: what the client makes of an answer, as JSON.
    def call(self, method: str, token: str | None = None, *, api: str = "TokensApi", **options: Any) -> Any:
        """One call of the client's; `options` are the one argument that all its methods take."""
        return self._ask(api=api, method=method, token=token, options=options)

    def create_by_basic(self, login: str, password: str) -> Any:
        """`createToken`, with the credentials where the client can have them."""
        return self._ask(api="TokensApi", method="createToken", basic=[login, password])

    def change_password(self, login: str, old: str, new: str) -> Any:
        """`updateUserPassword`, which takes no token."""
        options = {"old_password": old, "new_password": new}
        return self._ask(api="UserApi", method="updateUserPassword", options=options, basic=[login, old])

    def create(
        self, token: str | None = None, *, otp: str | None = None, services: Sequence[str] = (), **fields: str
    ) -> Any:
        """A create with fields: the client's `createToken` takes none, so this is the call below it."""
        # Spaces become `%20` here.
        form = {**fields, "services[]": list(services)} if services else fields
        return self._ask(form=form, token=token, headers={} if otp is None else {"Fastly-OTP": otp})

    def granted(self, *, services: Sequence[str] = (), **fields: str) -> Any:
        """A token of the ordinary user's, by password alone.  It is not in sudo."""
        proof = {"username": self.world.user_login, "password": self.world.user_password}
        return self.create(services=services, **proof, **fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # The end of its input is enough.
        self._process.communicate(timeout=STOP_SECONDS_MAX)

    def _ask(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        outcome = json.loads(self._process.stdout.readline())
        if "data" not in outcome:
            raise Rejected(**outcome)
        self.left, self.resets = outcome["left"], outcome["resets"]
        return outcome["data"]


def refused(call: Callable[[], object]) -> Refusal:
    """The refusal that the client rejects with."""
    with pytest.raises(Rejected) as caught:
        call()
    assert caught.value.status is not None, str(caught.value)
    return Refusal.of(caught.value.status, caught.value.body or {"msg": ""})
