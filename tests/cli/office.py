"""A server, and `tallystick admin` on its database while it runs."""

import json
from typing import Any, Final

import httpx2

from tallystick.cli.ending import EXIT
from tallystick.core.errors import Conflict
from tallystick.testing import RunningServer
from tests.cli.program import CHEAP, Terminal, tallystick, until

PASSWORD: Final = "correct horse battery"


class Office:
    """The two together.  Everybody whom it makes has the same password."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        database, key_file = (f"{server.directory}/tallystick.{kind}" for kind in ("db", "key"))
        self.flags = ("--database", f"sqlite:{database}", "--key-file", key_file, *CHEAP)
        self.made = 0

    def admin(self, *arguments: str, stdin: str = "") -> str:
        """What it prints; it must work, and say nothing else."""
        ended = tallystick("admin", *self.flags, *arguments, stdin=stdin, cwd=self.server.directory)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout

    def refused(self, *arguments: str) -> list[str]:
        """The lines in which it says what is in the way."""
        ended = tallystick("admin", *self.flags, *arguments, cwd=self.server.directory)
        assert (ended.returncode, ended.stdout) == (EXIT[Conflict], "")
        return ended.stderr.splitlines()

    def on_a_terminal(self, *arguments: str) -> Terminal:
        return Terminal("admin", *self.flags, *arguments, cwd=self.server.directory)

    def person(self, role: str = "user") -> str:
        """The login of somebody new."""
        self.made += 1
        login = f"person-{self.made}@example.com"
        self.admin("user", "add", login, "--role", role, "--password-stdin", stdin=PASSWORD)
        return login

    def token(self, login: str, password: str = PASSWORD, **fields: str) -> Any:
        form = {"username": login, "password": password, **fields}
        return httpx2.post(f"{self.server.url}/tokens", data=form).raise_for_status().json()

    def status(self, token: Any, method: str = "GET", path: str = "/tokens/self") -> int:
        headers = {"Fastly-Key": token["access_token"], "User-Agent": "a test/1.0"}
        return httpx2.request(method, f"{self.server.url}{path}", headers=headers).status_code

    def until_used(self, token: Any) -> None:
        """Until it is written down that it was: at most a second."""
        headers = {"Fastly-Key": self.server["SUPERUSER_TOKEN"]}
        by_id = f"{self.server.url}/customer/{token['customer_id']}/tokens?used_after=2000-01-01T00:00:00Z&search={token['id']}"
        until(lambda: httpx2.get(by_id, headers=headers).json() != [], "its use is written")

    def shown(self, login: str) -> Any:
        return json.loads(self.admin("user", "show", login, "--json"))
