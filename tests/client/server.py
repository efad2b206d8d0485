"""A real local server that answers from a table: for the network path, and for answers that ours would not give."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any


class Server(http.server.ThreadingHTTPServer):
    """Answers `METHOD /path` from a table of lists; the last answer of a list stays."""

    daemon_threads = True

    def __init__(self, answers: dict[str, list[tuple[int, Any, dict[str, str]]]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.asked: list[str] = []
        self.sent: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        assert isinstance(self.server, Server)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        line = f"{self.command} {self.path}"
        self.server.asked.append(line)
        self.server.sent.append(({name.lower(): text for name, text in self.headers.items()}, body))
        answers = self.server.answers[line]
        status, data, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        body = b"" if status == 204 else json.dumps(data).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815  (http.server's names)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(**answers: Any) -> Iterator[Server]:
    """A server on a free port.  `GET_tokens_self=[(200, data, headers), …]` is what `GET /tokens/self` answers, in turn."""
    named = {name.replace("_", " /", 1).replace("_", "/"): value for name, value in answers.items()}
    with Server(named) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
