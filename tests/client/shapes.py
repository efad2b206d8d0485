"""Answers as recorded from Fastly (ids and secrets made up), and a server that answers from a list."""

from typing import Any

import httpx2

SECRET = "kT3-exampleExample_0123456789AbCd"
CREATED: dict[str, Any] = {
    "id": "4pQk8sWm2ZtYc1Rb9LxUa7",
    "name": "ci purge",
    "user_id": "1aBcD2eFgH3iJkL4mNoPq5",
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
    "service_id": "7hGfE6dCbA5zYxW4vUtS3r",
    "expires_at": "2031-01-01T00:00:00Z",
    "created_at": "2026-02-03T04:05:06Z",
    "updated_at": "2026-02-03T04:05:06Z",
    "scope": "purge_select",
    "services": ["2bNmV1cXzL0kJhG9fDsA8p", "7hGfE6dCbA5zYxW4vUtS3r"],
    "access_token": SECRET,
}
READ: dict[str, Any] = {
    "id": "4pQk8sWm2ZtYc1Rb9LxUa7",
    "user_id": "1aBcD2eFgH3iJkL4mNoPq5",
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
    "name": "ci purge",
    "last_used_at": None,
    "created_at": "2026-02-03T04:05:06Z",
    "expires_at": None,
    "ip": None,
    "user_agent": None,
    "sudo_expires_at": None,
    "scopes": ["global"],
    "scope": "global",
    "services": [],
    "service_id": None,
}
SUDO: dict[str, Any] = {"expiry_time": "2026-02-03T04:10:06+00:00"}
NEEDS_SUDO: dict[str, Any] = {"msg": "You must POST /sudo to access this endpoint"}
NEEDS_OTP: dict[str, Any] = {"msg": "2fa.verify", "detail": "Invalid one-time password", "code": "2fa.verify"}


class Script:
    """A server that gives the answers of a list, one after the other, and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def lines(self) -> list[str]:
        """`METHOD /path` of every request, in order."""
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.asked]

    @property
    def left(self) -> int:
        return len(self._answers)


def says(status: int, data: object = None, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if status == 204:
        return httpx2.Response(204, headers=named)
    return httpx2.Response(status, json=data, headers=named)
