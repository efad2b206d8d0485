"""Stories in the documentation: blocks of commands, and what they show."""

import re
from typing import Final, NamedTuple

_LINES: Final = "(?s:.*)"
_WORDS: Final = "[^,\n]*"


class Story(NamedTuple):
    """Commands for one bash, and all that they print; `…` is what differs each time, on a line of its own any lines."""

    commands: list[str]
    shown: list[str]

    def is_told_by(self, printed: str) -> bool:
        """Whether it was printed as it is shown."""
        pattern = r"\s*".join(_LINES if line == "…" else re.escape(line).replace("…", _WORDS) for line in self.shown)
        return re.fullmatch(pattern, printed.strip()) is not None


def story(text: str) -> Story:
    """What stands in these lines."""
    lines = [line for line in text.splitlines() if line]
    commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return Story(commands, [line for line in lines if not line.startswith("$ ")])
