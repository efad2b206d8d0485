import logging

from tallystick.cli.listen import Address
from tallystick.cli.supervise import _Server


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
