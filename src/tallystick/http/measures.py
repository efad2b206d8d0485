"""Everything that `/metrics` tells: what each number means, and when somebody should look.  docs/metrics.md is made of it."""

from enum import StrEnum
from typing import Final, NamedTuple

from tallystick.core.usage import Why

PREFIX: Final = "tallystick_"
WAITED_MS: Final = (
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    500,
    1000,
    2100,
)  # the last: a lease and its margin, which nobody waits longer than


class Kind(StrEnum):
    """How a number behaves, and how those of all workers become one."""

    COUNTER = "counter"  # only grows; added up, with those of workers that are gone
    SUM = "gauge, added up"
    LONGEST = "gauge, the largest"
    EACH = "gauge, by worker"
    HISTOGRAM = "histogram"


class Measure(NamedTuple):
    """One name.  `labels`: the label's name, and all its values where they are known; `text`: what it is and when to alert."""

    name: str
    kind: Kind
    text: str
    label: str | None = None
    values: tuple[str, ...] = ()


MEASURES: Final = (
    Measure(
        "verifications",
        Kind.COUNTER,
        "Presented tokens, by what became of them: allowed; malformed (no secret of ours) or unknown; expired, revoked, or"
        " locked with its user; scope or service, where /check said no.  Alert when unknown grows by more than 10 a second"
        " for 5 minutes: somebody guesses, or a client holds a secret of another service.",
        "outcome",
        ("allowed", "malformed", "unknown", *Why),
    ),
    Measure(
        "reported_verifications",
        Kind.COUNTER,
        "Tokens that verifiers inside other programs let in by themselves, as they report it.  For graphs only.",
    ),
    Measure(
        "lookups",
        Kind.COUNTER,
        "Where what is behind a token came from: memory; store, and is remembered since; shared with one who asked just"
        " before; without_lease, from the store because memory had no lease; write, from the store because something was to"
        " be changed.  Alert when without_lease grows for a minute: memory answers nothing.",
        "source",
        ("memory", "store", "shared", "without_lease", "write"),
    ),
    Measure(
        "lease_held",
        Kind.EACH,
        "Whether a worker may answer from memory (1), or asks the store each time (0).  Alert when 0 for 10 s: its answers"
        " wait for the database, and are 503 while that is away.",
    ),
    Measure(
        "lease_lapses",
        Kind.COUNTER,
        "How often a worker had been without a lease when it got one again.  Alert when it grows by more than 3 in 10"
        " minutes: the machine or its disk stalls, and revocations wait up to 2.1 s each time.",
    ),
    Measure("grants", Kind.SUM, "Tokens that are remembered.  For graphs only."),
    Measure("grant_bytes", Kind.SUM, "Bytes that they take, estimated: 2,100 each.  For graphs only."),
    Measure(
        "grants_evicted",
        Kind.COUNTER,
        "Tokens that were forgotten to make room.  Alert when it grows for an hour: more tokens are in use than memory holds,"
        " and the others are looked up again and again.",
    ),
    Measure(
        "changes_heard", Kind.COUNTER, "Changes that workers have heard of, each by each worker.  For graphs only."
    ),
    Measure("change_number", Kind.EACH, "Number of the last change that a worker has heard of.  For graphs only."),
    Measure(
        "change_lag",
        Kind.EACH,
        "Changes that were made and that a worker has not heard of.  Alert when above 0 for 10 s: it accepts nothing that was"
        " revoked, since its lease ends, but whoever revokes waits for that.",
    ),
    Measure(
        "receipt_waited_milliseconds",
        Kind.HISTOGRAM,
        "How long those who changed something waited until every verifier had heard.  Alert when more than 1 of 100 takes"
        " over 500: a verifier hangs, or gets no time on its machine.",
    ),
    Measure(
        "verifiers",
        Kind.LONGEST,
        "Who holds a lease over this database, the workers of all servers together.  Alert when there are fewer than workers"
        " for 10 s: one hangs, or cannot reach the database.",
    ),
    Measure(
        "remote_verifiers",
        Kind.SUM,
        "Verifiers inside other programs to which this server has given leases.  Alert when there are fewer than programs that"
        " should be there, for 10 s: one cannot reach us, and refuses or asks about everything.",
    ),
    Measure(
        "uses_flush_lag_seconds",
        Kind.LONGEST,
        "How long ago a worker last had all uses written down, the slowest of them; 0.5 is as it should be.  Alert when above"
        " 5: the database takes no writes, and a crash would lose so much usage.",
    ),
    Measure(
        "uses_waiting",
        Kind.SUM,
        "Tokens whose last use or counts wait to be written down.  Alert when above 50,000: each worker forgets the oldest"
        " beyond 100,000.",
    ),
    Measure(
        "uses_lost",
        Kind.COUNTER,
        "Requests that were counted and forgotten, because the database took no writes for too long.  Alert when it grows:"
        " what `tallystick token usage` shows lacks them.",
    ),
    Measure(
        "writes",
        Kind.COUNTER,
        "Writes that were asked for, by whether they were within the hour's limit: allowed or throttled.  Alert when throttled"
        " grows: a program goes in circles, or the limit is too low.",
        "outcome",
        ("allowed", "throttled"),
    ),
    Measure(
        "store_unavailable",
        Kind.COUNTER,
        "Requests that were answered 503 because the database could not be read or written.  Alert when it grows for a"
        " minute.",
    ),
    Measure(
        "workers",
        Kind.SUM,
        "Processes of this server that answer.  Alert when there are fewer than it was started with, for a minute: one ends"
        " again and again.",
    ),
    Measure("build_info", Kind.LONGEST, "Always 1; the label says which version runs.  For graphs only.", "version"),
)


def page() -> str:
    """docs/metrics.md."""
    rows = [f"| `{_shown(each)}` | {each.kind} | {each.text} |" for each in MEASURES]
    return _PAGE.format(rows="\n".join(rows))


def full_name(measure: Measure) -> str:
    """As Prometheus has it."""
    return f"{PREFIX}{measure.name}{'_total' if measure.kind is Kind.COUNTER else ''}"


def _shown(measure: Measure) -> str:
    label = "worker" if measure.kind is Kind.EACH else measure.label
    return full_name(measure) + ("" if label is None else f"{{{label}}}")


_PAGE: Final = """\
<!-- Made from src/tallystick/http/measures.py; a test compares the two. -->
# Metrics

`GET /metrics` tells Prometheus how the service is.  It is off unless `TALLYSTICK_METRICS` says who may read it:

| `TALLYSTICK_METRICS` | who may |
|---|---|
| `off` | nobody: 404; workers count all the same, for the console |
| `token` | who presents a superuser's token or an automation token, with `global:read` or `global`, not limited to services |
| `open` | everybody who reaches the port |

For a scraper an automation token of the least role does: it reads nothing else but services.

    tallystick automation create --name prometheus --role user --scope global:read

    scrape_configs:
      - job_name: tallystick
        authorization: {{credentials_file: /etc/prometheus/tallystick.token}}
        static_configs: [{{targets: ["127.0.0.1:8080"]}}]

The numbers are of the whole server, of all its customers together; no id, name or address is in them.  Whichever worker answers,
it tells for all: they share files in a temporary directory that goes with the server.  Its own numbers are of this moment, the
others' at most half a second old.  Counters only grow while the server runs, also when a worker dies and another takes its
place; what the dead one had counted in its last half second is lost.

| name | kind | meaning, and when to alert |
|---|---|---|
{rows}
"""
