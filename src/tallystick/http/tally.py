"""What happened in this process since it began, in plain numbers: counting costs nothing, whoever wants to know reads them."""

from collections import Counter

from tallystick.core.usage import Why


class Tally:
    """Of what no other part counts for itself.

    `answered`: presented tokens that the lane let in; `answered_late`: those of them that it looked up first.  `allowed`,
    `refused`, `unknown`, `malformed`: what became of the others.  `reported`: let in by programs far away, who told us so.
    `for_writes`: looked up in the store because something was to be changed.  `unavailable`: requests for which the store was
    away.
    """

    def __init__(self) -> None:
        self.answered = self.answered_late = 0
        self.allowed = 0
        self.refused: Counter[Why] = Counter()
        self.unknown = 0
        self.malformed = 0
        self.reported = 0
        self.for_writes = 0
        self.unavailable = 0
