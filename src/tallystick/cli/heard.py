"""What receipts say, in words."""

from collections.abc import Sequence
from typing import Protocol


class Told(Protocol):
    """A receipt, wherever it came from."""

    @property
    def seq(self) -> int: ...
    @property
    def verifiers(self) -> int: ...
    @property
    def waited_ms(self) -> int: ...


def everywhere(receipts: Sequence[Told | None], *, what: str = "dead") -> str | None:
    """`dead everywhere after 6 ms, 4 verifiers (receipt 12)`: of several requests the longest wait, and the most verifiers.

    None when one of them came without, as all do from Fastly: then it is not known.
    """
    told = [receipt for receipt in receipts if receipt is not None]
    if not told or len(told) < len(receipts):
        return None
    most, longest = max(each.verifiers for each in told), max(each.waited_ms for each in told)
    numbers = sorted(each.seq for each in told)
    which = f"receipt {numbers[0]}" if len(told) == 1 else f"receipts {numbers[0]} to {numbers[-1]}"
    at_most = "" if len(told) == 1 else "at most "
    return f"{what} everywhere after {at_most}{longest:,} ms, {most} verifier{'' if most == 1 else 's'} ({which})"
