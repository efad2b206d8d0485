import socket

import pytest

from tallystick.cli.listen import Address, reserved
from tallystick.core.errors import Conflict, Invalid


def test_port_0_becomes_a_real_one() -> None:
    with reserved("127.0.0.1", 0) as address:
        assert address.port > 0
        assert address.url == f"http://127.0.0.1:{address.port}"


def test_a_port_that_somebody_listens_on_is_busy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(Conflict) as caught, reserved("127.0.0.1", port):
            pass

    assert str(caught.value) == f"port {port} on 127.0.0.1 is in use: stop that program or choose another with --port"


def test_a_port_that_can_be_shared_is_busy_all_the_same() -> None:
    """A second server on the port of a first one would quietly get half of its requests."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]

        with pytest.raises(Conflict), reserved("127.0.0.1", port):
            pass


def test_a_reserved_port_is_reserved_before_anybody_listens() -> None:
    with reserved("127.0.0.1", 0) as first, pytest.raises(Conflict), reserved("127.0.0.1", first.port):
        pass


def test_our_own_workers_get_the_port_and_all_connections() -> None:
    with reserved("127.0.0.1", 0) as address:
        one = socket.create_server((address.host, address.port), reuse_port=True)
        two = socket.create_server((address.host, address.port), reuse_port=True)

        with one, two:
            calls = [socket.create_connection((address.host, address.port), timeout=5) for _ in range(20)]

    assert len(calls) == 20
    for call in calls:
        call.close()


def test_connections_that_a_former_server_closed_are_no_reason_to_refuse() -> None:
    with socket.create_server(("127.0.0.1", 0)) as former:
        port = former.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = former.accept()
        served.close()  # the server closes first: its side stays in TIME_WAIT
        client.recv(1)
        client.close()

    with reserved("127.0.0.1", port) as address:
        assert address.port == port


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_an_address_that_is_not_ours_is_refused_in_words(host: str) -> None:
    with pytest.raises(Invalid, match=f"cannot listen on {host}: .*--host"), reserved(host, 0):
        pass


def test_an_address_is_shown_as_it_can_be_typed() -> None:
    assert Address("0.0.0.0", 1).url == "http://127.0.0.1:1"
    assert Address("::", 1).url == "http://[::1]:1"
    assert Address("fe80::1", 1).url == "http://[fe80::1]:1"
