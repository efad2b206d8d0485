"""The demo world, as the tests of the official clients know it."""

import base64
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self, TypeAlias

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tallystick.testing import RunningServer

Start: TypeAlias = Callable[..., AbstractContextManager[RunningServer]]
"""What starts a server, as `running_server` does."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class World:
    """The names of `tallystick demo --env-file`, in lower case."""

    api_url: str
    customer_id: str
    service_1: str
    service_2: str
    superuser_login: str
    superuser_password: str
    superuser_token: str
    user_login: str
    user_password: str
    user_token: str
    otp_login: str
    otp_password: str
    otp_token: str
    otp_secret: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """The world that the environment file describes."""
        return cls(**{name.lower(): value for name, value in values.items()})

    def one_time_code(self, *, steps_ahead: int = 0) -> str:
        """What the authenticator app of the user with 2FA shows: now, or at a later step.

        Each step works once, and never after a later one.  One ahead is within the drift that is allowed; one behind may
        have become two behind when it arrives.
        """
        app = TOTP(base64.b32decode(self.otp_secret), 6, SHA1(), 30)
        return app.generate(int(time.time()) + 30 * steps_ahead).decode()
