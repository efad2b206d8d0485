"""Answers as recorded from Fastly (ids and secrets made up), ours where it has none, and a server that answers from a list."""

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
USAGE: dict[str, Any] = {
    "token_id": "4pQk8sWm2ZtYc1Rb9LxUa7",
    "since": "2026-02-02T05:00:00Z",
    "until": "2026-02-03T04:05:06Z",
    "hours": [
        {
            "hour": "2026-02-03T03:00:00Z",
            "allowed": 1150,
            "expired": 0,
            "revoked": 0,
            "locked": 0,
            "scope": 6,
            "service": 0,
        },
        {
            "hour": "2026-02-03T04:00:00Z",
            "allowed": 50,
            "expired": 0,
            "revoked": 0,
            "locked": 0,
            "scope": 1,
            "service": 2,
        },
    ],
}
SUDO: dict[str, Any] = {"expiry_time": "2026-02-03T04:10:06+00:00"}
NEEDS_SUDO: dict[str, Any] = {"msg": "You must POST /sudo to access this endpoint"}
NEEDS_OTP: dict[str, Any] = {"msg": "2fa.verify", "detail": "Invalid one-time password", "code": "2fa.verify"}
PROBLEM: dict[str, Any] = {"title": "Bad Request", "status": 400, "detail": "name is required", "errors": None}

AUTOMATION_CREATED: dict[str, Any] = {
    "id": "6rTk8sWm2ZtYc1Rb9LxUa7",
    "services": [],
    "name": "deploy",
    "role": "engineer",
    "access_token": SECRET,
    "scope": "global",
    "ip": "",
    "created_at": "2026-02-03T04:05:06Z",
    "last_used_at": "",
    "expires_at": "",
    "user_agent": "",
    "tls_access": False,
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
}
AUTOMATION_CREATED_2024: dict[str, Any] = {
    key: value for key, value in AUTOMATION_CREATED.items() if key not in ("tls_access", "customer_id")
} | {"last_used_at": "0001-01-01T00:00:00Z", "expires_at": None}
AUTOMATION_READ: dict[str, Any] = AUTOMATION_CREATED_2024 | {
    "services": None,
    "access_token": "",
    "ip": None,
    "last_used_at": None,
    "user_agent": None,
}
AUTOMATION_LISTED: dict[str, Any] = {
    "id": "6rTk8sWm2ZtYc1Rb9LxUa7",
    "creator_id": "1aBcD2eFgH3iJkL4mNoPq5",
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
    "name": "deploy",
    "access_token": "",
    "role": "engineer",
    "ip": None,
    "user_agent": None,
    "scopes": "global",
    "services": None,
    "service_id": None,
    "sudo_expires_at": None,
    "last_used_at": None,
    "created_at": "2026-02-03T04:05:06Z",
    "expires_at": None,
    "tls_access": False,
}
USER: dict[str, Any] = {
    "id": "1aBcD2eFgH3iJkL4mNoPq5",
    "created_at": "2026-02-03T04:05:06Z",
    "updated_at": "2026-02-04T04:05:06Z",
    "name": "Ada",
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
    "require_new_password": None,
    "role": "superuser",
    "login": "ada@example.com",
    "deleted_at": None,
    "locked": None,
    "two_factor_auth_enabled": None,
    "limit_services": False,
    "last_active_at": None,
}
CUSTOMER: dict[str, Any] = {
    "id": "9zYxW8vUtS7rQpO6nMlK5j",
    "name": "Acme",
    "owner_id": "1aBcD2eFgH3iJkL4mNoPq5",
    "created_at": "2026-02-03T04:05:06Z",
    "updated_at": None,
    "deleted_at": None,
    "force_2fa": False,
}
SERVICE: dict[str, Any] = {
    "id": "2bNmV1cXzL0kJhG9fDsA8p",
    "name": "shop",
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
    "created_at": "2026-02-03T04:05:06Z",
    "updated_at": None,
    "deleted_at": None,
    "comment": "",
    "version": 1,
    "versions": [],
}
EVENT: dict[str, Any] = {
    "id": "01JE",
    "created_at": "2026-02-03T04:05:06.789Z",
    "action": "token.revoke",
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
    "user_id": None,
    "token_id": None,
    "target_kind": "token",
    "target_id": "4pQk8sWm2ZtYc1Rb9LxUa7",
    "before": {"revoked_at": None},
    "after": {"revoked_at": "2026-02-03T04:05:06.789Z"},
    "reason": "key_compromise",
    "ip": None,
    "user_agent": None,
    "request_id": None,
}
RECEIPT: dict[str, Any] = {
    "seq": 12,
    "created_at": "2026-02-03T04:05:06.789Z",
    "heard_at": "2026-02-03T04:05:06.795Z",
    "verifiers": 2,
    "waited_ms": 4,
    "request_id": "a-request",
    "count": 1,
    "changes": [{"kind": "token", "id": "4pQk8sWm2ZtYc1Rb9LxUa7"}],
}
PLAN: dict[str, Any] = {"count": 3, "dry_run": True, "reason": "key_compromise", "sample": [READ]}


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
