import logging
import resource
import threading

import pytest

from tallystick.cli.listen import Address
from tallystick.cli.supervise import CONNECTIONS_MAX, _connections, _Server

FOREVER = resource.RLIM_INFINITY


def test_the_end_of_a_worker_is_news_only_between_start_and_stop() -> None:
    logger = logging.getLogger("_granian")
    record = logger.makeRecord("_granian", logging.ERROR, "", 1, "a worker ended", (), None)
    server = _Server(Address("127.0.0.1", 1), workers=1)

    starting = bool(logger.filter(record))
    server.respawn_failed_workers = True
    running = bool(logger.filter(record))
    server.stop()
    stopping = bool(logger.filter(record))

    assert (starting, running, stopping) == (False, True, False)


def test_a_signal_in_the_moment_in_which_it_begins_to_wait_for_one_stops_it() -> None:
    server = _Server(Address("127.0.0.1", 1), workers=1)
    stopping = threading.Thread(target=server.signal_handler_interrupt, daemon=True)

    with server.main_loop_interrupt._cond:  # type: ignore[attr-defined]  # as in `wait`, until it lets go of it
        stopping.start()
        stopping.join(10)
        assert not stopping.is_alive()

    assert server.main_loop_interrupt.wait(10)
    assert server.interrupt_signal


@pytest.mark.parametrize(
    "soft, hard, connections, allowed",
    [
        (1024, 524288, CONNECTIONS_MAX, CONNECTIONS_MAX + 128),
        (1024, FOREVER, CONNECTIONS_MAX, CONNECTIONS_MAX + 128),
        (FOREVER, FOREVER, CONNECTIONS_MAX, FOREVER),
        (65536, 65536, CONNECTIONS_MAX, 65536),
        (256, 1024, 1024 - 128, 1024),
        (100, 100, 1, 100),
    ],
)
def test_a_worker_holds_as_many_connections_as_it_may_open_files_for(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, connections: int, allowed: int
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, pair: limits.append(pair))

    assert _connections() == connections
    assert limits[-1] == (allowed, hard)
