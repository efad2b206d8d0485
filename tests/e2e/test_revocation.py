"""A short run of the proof in `bench/revocation/`, and that it finds what it looks for."""

import pytest

from bench.revocation.broken import BROKEN
from bench.revocation.proof import measure


def test_while_processes_are_harmed_nobody_accepts_what_was_answered_as_revoked() -> None:
    outcome = measure(tokens=80, seconds=12)

    assert outcome.accepted_after == 0
    assert outcome.revoked > 10
    assert outcome.checked > 1_000
    assert outcome.harmed


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_rule_is_found(broken: str) -> None:
    """It ends as soon as it is: the time is how long chance may take, on a machine that does much else."""
    assert measure(tokens=1_200, seconds=120, broken=broken).accepted_after > 0
