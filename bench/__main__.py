"""`python -m bench [PART …]`: run the parts named, or all of them, and print what was measured."""

import platform
import sys
from datetime import UTC, datetime

from bench import client, service
from bench.load import Missing

PARTS = {"service": service.run, "client": client.run}


def main(names: list[str]) -> int:
    """Run the parts; 2 for an unknown one or a missing tool."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"bench: no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"{when} · {platform.platform()} · Python {platform.python_version()}")
    try:
        for name in names or PARTS:
            PARTS[name]()
    except Missing as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 2
    return 0


sys.exit(main(sys.argv[1:]))
