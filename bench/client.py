"""The Python client: import, decoding of 1,000 tokens, overhead per call; against the official client in the same run."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Self

ROUNDS = 7
CALLS = 300

_TOKEN = {
    "id": "4pQk8sWm2ZtYc1Rb9LxUa7",
    "user_id": "1aBcD2eFgH3iJkL4mNoPq5",
    "customer_id": "9zYxW8vUtS7rQpO6nMlK5j",
    "name": "ci purge",
    "last_used_at": "2026-02-03T04:05:06Z",
    "created_at": "2026-02-03T04:05:06Z",
    "expires_at": "2031-02-03T04:05:06Z",
    "ip": "192.0.2.1",
    "user_agent": "curl/8.0",
    "sudo_expires_at": None,
    "scopes": ["global"],
    "scope": "global",
    "services": [],
    "service_id": None,
}


def run() -> None:
    """Measure and print."""
    imports = {name: _import_ms(name) for name in ("tallystick", "httpx2", "fastly")}
    with _Answers() as server:
        single, listed = _calls(server.url)
    print(f"\n{'client':34}{'median':>11}  {'lowest to highest':>20}")
    for name, figures in {
        "import tallystick, ms": imports["tallystick"],
        "import httpx2 (at the first client)": imports["httpx2"],
        "import fastly, ms": imports["fastly"],
        "one call over httpx2 alone, ms": single["httpx2"],
        "get_token_current, ms": single["tallystick"],
        "official get_token_current, ms": single["fastly"],
        "list of 1,000 over httpx2 alone, ms": listed["httpx2"],
        "list_tokens_user of 1,000, ms": listed["tallystick"],
        "official list_tokens_user, ms": listed["fastly"],
    }.items():
        print(f"{name:34}{median(figures):>11.2f}  {min(figures):>9.2f} to {max(figures):>7.2f}")
    print(f"medians of {ROUNDS}; the calls go to a tiny server on the loopback\n")


def _import_ms(module: str) -> list[float]:
    code = f"import time; t = time.perf_counter(); import {module}; print((time.perf_counter() - t) * 1e3)"
    runs = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        for _ in range(ROUNDS + 1)
    ]
    return [float(done.stdout) for done in runs[1:]]


def _calls(url: str) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    import fastly
    import httpx2
    from fastly.api.tokens_api import TokensApi as OfficialTokensApi

    from tallystick import TokensApi

    plain = httpx2.Client(base_url=url)
    ours = TokensApi("bench-token", url=url)
    configuration = fastly.Configuration(host=url)
    configuration.api_token = "bench-token"
    official = OfficialTokensApi(fastly.ApiClient(configuration))
    singles: dict[str, Callable[[], object]] = {
        "httpx2": lambda: plain.get("/tokens/self").read(),
        "tallystick": ours.get_token_current,
        "fastly": official.get_token_current,
    }
    lists: dict[str, Callable[[], object]] = {
        "httpx2": lambda: plain.get("/tokens").read(),
        "tallystick": ours.list_tokens_user,
        "fastly": official.list_tokens_user,
    }
    return _time(singles, CALLS), _time(lists, 1)


def _time(calls: dict[str, Callable[[], object]], times: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(times):
                call()
            figures[name].append((time.perf_counter() - start) * 1e3 / times)
    return figures


class _Answers:
    """A server that knows one token, and a list of a thousand."""

    def __enter__(self) -> Self:
        bodies = {"/tokens/self": json.dumps(_TOKEN).encode(), "/tokens": json.dumps([_TOKEN] * 1000).encode()}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = bodies[self.path]
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
