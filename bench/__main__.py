"""`python -m bench [PART …]`: run the parts named, or all of them, and print what was measured."""

import platform
import sys
from datetime import UTC, datetime

from bench import client, console, gateways, lane, memory, receipts, service, under_load
from bench.failover import proof as failover
from bench.load import Missing
from bench.revocation import proof
from bench.scale import run as scale

PARTS = {
    "service": service.run,
    "lane": lane.run,
    "memory": memory.run,
    "load": under_load.run,
    "receipts": receipts.run,
    "client": client.run,
    "gateways": gateways.run,
    "console": console.run,
}
# A quarter of an hour each, or more.
ONLY_BY_NAME = {
    "revocation": proof.run,
    "revocation-postgresql": proof.run_on_postgresql,
    "failover": failover.run,
    "scale": scale.run,
}


def main(names: list[str]) -> int:
    """Run the parts; 2 for an unknown one or a missing tool."""
    parts = PARTS | ONLY_BY_NAME
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(f"bench: no part {', '.join(unknown)}; there are {', '.join(parts)}", file=sys.stderr)
        return 2
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    print(f"{when} · {platform.platform()} · Python {platform.python_version()}")
    try:
        for name in names or PARTS:
            parts[name]()
    except Missing as missing:
        print(f"bench: {missing}", file=sys.stderr)
        return 2
    return 0


sys.exit(main(sys.argv[1:]))
