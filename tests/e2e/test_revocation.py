"""A short run of the proof in `bench/revocation/`.  That it would find something: `test_broken_rules.py`, and its long run."""

import pytest

from bench.revocation.proof import measure


@pytest.mark.parametrize("on_postgresql", [False, True], ids=["sqlite", "postgresql"])
def test_while_processes_are_harmed_nobody_accepts_what_was_answered_as_revoked(*, on_postgresql: bool) -> None:
    outcome = measure(tokens=80, seconds=12, on_postgresql=on_postgresql)

    assert outcome.accepted_after == 0
    assert outcome.revoked > 10
    assert outcome.checked > 1_000
    assert outcome.harmed


def test_numbers_that_can_be_committed_out_of_order_are_found() -> None:
    """Taken from a sequence, as for an identity column, and not from a row that is locked until the commit."""
    outcome = measure(tokens=400, seconds=120, broken="identity", on_postgresql=True)

    assert outcome.accepted_after > 0
