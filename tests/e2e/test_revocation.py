"""A short run of the proof in `bench/revocation.py`, and that it finds what it looks for."""

import pytest

from bench.revocation import measure


def test_while_processes_are_harmed_nobody_accepts_what_was_answered_as_revoked() -> None:
    outcome = measure(tokens=80, seconds=12)

    assert outcome.accepted_after == 0
    assert outcome.revoked > 10
    assert outcome.checked > 1_000
    assert outcome.harmed


@pytest.mark.parametrize("broken", ["ackbefore", "servebefore"])
def test_a_broken_rule_is_found(broken: str) -> None:
    assert measure(tokens=60, seconds=12, broken=broken).accepted_after > 0
