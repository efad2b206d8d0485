"""Some rounds of the proof in `bench/failover/`, and that it finds what it looks for."""

import os
import shutil

import pytest

from bench.failover.hosts import alone
from bench.failover.managed import is_here
from bench.failover.proof import Way, measure

needs_networks = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "bridge", "unshare"))),
    reason="networks of their own need root, and on Debian: apt-get install iproute2 util-linux",
)


def test_a_standby_takes_over_for_a_primary_that_is_killed_and_nothing_is_lost() -> None:
    outcome = measure(Way.KILL, rounds=2)

    assert outcome.is_good, outcome
    assert min(outcome.created, outcome.revoked) > 20
    assert outcome.checked > 500


@needs_networks
@pytest.mark.parametrize("way", [Way.CUT, Way.SPLIT])
def test_nor_when_the_primary_is_cut_off_and_still_runs(way: Way) -> None:
    with alone("bench.failover.proof", way.name, "1") as proof:
        said, _ = proof.communicate()

    assert proof.returncode == 0, said


@pytest.mark.skipif(
    not is_here(),
    reason="Patroni needs etcd, and machines of its own namespaces: apt-get install etcd-server util-linux",
)
def test_nor_when_patroni_decides_who_is_the_primary() -> None:
    """The machine fails, Patroni and all; on the other one it is noticed after twenty seconds."""
    outcome = measure(Way.MANAGED, rounds=1)

    assert outcome.is_good, outcome
    assert min(outcome.created, outcome.revoked) > 20


@needs_networks
def test_without_a_synchronous_standby_the_loss_is_found() -> None:
    with alone("bench.failover.proof", Way.SPLIT.name, "1", "careless") as proof:
        said, _ = proof.communicate()

    _, _, _, _, lost_tokens, _, lost_revocations, *_ = said.split("|")
    assert proof.returncode == 1
    assert min(int(lost_tokens), int(lost_revocations)) > 0
