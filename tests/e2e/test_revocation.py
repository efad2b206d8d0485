"""A short run of the proof in `bench/revocation/`.  That it would find something: `test_broken_rules.py`, and its long run."""

from bench.revocation.proof import measure


def test_while_processes_are_harmed_nobody_accepts_what_was_answered_as_revoked() -> None:
    outcome = measure(tokens=80, seconds=12)

    assert outcome.accepted_after == 0
    assert outcome.revoked > 10
    assert outcome.checked > 1_000
    assert outcome.harmed
