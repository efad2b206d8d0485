"""One gateway, an API behind it, and the service beside it: for all tests that need no other."""

import httpx2

from tallystick.testing import RunningServer
from tests.gateways.parts import Api


class Front:
    """A gateway, the API behind it and the service beside it."""

    def __init__(self, kind: str, url: str, behind: Api, server: RunningServer) -> None:
        self.kind = kind
        self.behind = behind
        self.server = server
        # Another address than the gateway's, which alone is trusted.
        self.client = httpx2.Client(base_url=url, transport=httpx2.HTTPTransport(local_address="127.0.0.2"))

    def ask(self, method: str, path: str, secret: str | None = None, **more: object) -> httpx2.Response:
        headers = [] if secret is None else [("Authorization", f"Bearer {secret}")]
        headers += more.pop("headers", [])  # type: ignore[arg-type]
        return self.client.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

    def ask_service(self, method: str, path: str, secret: str | None = None, **more: object) -> httpx2.Response:
        headers = {} if secret is None else {"Fastly-Key": secret}
        return httpx2.request(method, self.server.url + path, headers=headers, **more)  # type: ignore[arg-type]

    def token(self, scope: str = "global") -> dict[str, str]:
        proof = {"username": self.server["USER_LOGIN"], "password": self.server["USER_PASSWORD"]}
        made: dict[str, str] = self.ask_service("POST", "/tokens", data={**proof, "scope": scope}).json()
        return made

    def automation_token(self) -> str:
        key = self.server["SUPERUSER_TOKEN"]
        self.ask_service("POST", "/sudo", key, data={"password": self.server["SUPERUSER_PASSWORD"]})
        made = self.ask_service("POST", "/automation-tokens", key, json={"name": "ci", "role": "engineer"})
        secret: str = made.json()["access_token"]
        return secret

    def forget_tokens(self) -> None:
        """End what was made: a user may have so many."""
        key = self.server["USER_TOKEN"]
        mine = self.ask_service("GET", "/tokens/self", key).json()["id"]
        ids = [each["id"] for each in self.ask_service("GET", "/tokens", key).json() if each["id"] != mine]
        if ids:
            self.ask_service("DELETE", "/tokens", key, json={"data": [{"id": each} for each in ids]})
