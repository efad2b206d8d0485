"""What `tallystick token` and `tallystick automation` show.  But for how far it is (`progress`) and how it ends (`ending`), nothing else in them prints.

Results go to standard output: as a table where somebody is looking, as lines with tabs between the fields where not, as JSON
on request.  Everything else (notes, questions, progress, errors) goes to standard error, so that a pipe gets results only.
What comes from a server is shown without its control characters: a token's name must not steer a terminal.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

import click
import msgspec

from tallystick.cli import limited
from tallystick.cli.heard import everywhere
from tallystick.client.errors import clean
from tallystick.client.models import (
    AutomationToken,
    Identity,
    IssuedAutomationToken,
    IssuedToken,
    Receipt,
    ReceiptRecord,
    RevocationPlan,
    Token,
)


def note(text: str) -> None:
    """Tell whoever is looking, and nobody else."""
    click.echo(text, err=True)


def show_issued(token: IssuedToken | IssuedAutomationToken, *, as_json: bool) -> None:
    """The secret: the one result that cannot be had again.  Alone on standard output, unless as JSON."""
    if as_json:
        show_json(msgspec.to_builtins(token.record) | {"secret": token.secret.reveal()})
    else:
        click.echo(token.secret.reveal())
    note(f"Created token {_summary(token)}.")
    if sys.stdout.isatty():
        note("Its secret is shown this once and cannot be had again: keep it now.")


OWN: Final = ("ID", "NAME", "SCOPE", "SERVICES", "CREATED", "USED", "EXPIRES", "LIMITS")
OF_ALL: Final = ("ID", "USER", "NAME", "SCOPE", "SERVICES", "CREATED", "USED", "EXPIRES", "LIMITS")
AUTOMATION: Final = ("ID", "NAME", "ROLE", "SCOPE", "SERVICES", "CREATED", "USED", "EXPIRES", "LIMITS")


def show_tokens(tokens: Sequence[Token], *, columns: Sequence[str], as_json: bool) -> None:
    """A list of tokens, one a line.  The id comes first: `cut -f1` makes a list to revoke of it."""
    if as_json:
        show_json(tokens)
    elif sys.stdout.isatty():
        _table(tokens, columns)
        note(count(len(tokens)))
    else:
        lines(map(itemgetter(*columns), map(_exact, tokens)))


def show_token(token: Token, *, as_json: bool) -> None:
    """Everything about one token, a line for each field."""
    if as_json:
        show_json(token)
        return
    fields(
        ("id", token.id),
        ("name", token.name),
        *_whose(token),
        ("customer", token.customer_id),
        ("scope", token.scope),
        ("services", ", ".join(token.services) or "all"),
        ("created", instant(token.created_at)),
        ("expires", instant(token.expires_at) or "never"),
        *limited.fields(token.limits),
        ("last used", instant(token.last_used_at) or "never"),
        ("from", token.ip),
        ("by", token.user_agent),
        ("sudo until", instant(token.sudo_expires_at)),
    )


def show_identity(identity: Identity, *, as_json: bool) -> None:
    """Who a token speaks for."""
    if as_json:
        show_json(identity)
        return
    fields(
        # For the sake of clients that show a user, an automation token's name stands for one.
        ("kind", None if identity.user_id else _NOBODY),
        ("login", identity.login),
        ("user", _named(identity.user_id, identity.user_name) if identity.user_id else None),
        ("customer", _named(identity.customer_id, identity.customer_name)),
        ("token", _named(identity.token.id, identity.token.name)),
        ("scope", identity.token.scope),
        ("expires", instant(identity.token.expires_at) or "never"),
        # Which of them it is limited to is not told here, only which it reaches.
        ("services", ", ".join(sorted(f"{name} ({key})" for key, name in identity.services.items()))),
    )


def show_revoked(done: int, *, of: int, receipts: Sequence[Receipt | None] = ()) -> None:
    """How far a revocation came, and what is known of who has heard of it: the receipts of all its requests."""
    if done < of:
        note(f"Revoked {done:,} of {count(of)}; the others are as they were.")
        return
    known = everywhere(receipts)
    note(f"Revoked {count(done)}." if known is None else f"Revoked {count(done)}; {known}.")


def show_plan(plan: RevocationPlan, *, as_json: bool, err: bool) -> None:
    """What would be revoked: some of it, and how much it is.  `err`: on standard error, before a question."""
    if as_json:
        show_json(plan)
    elif err or sys.stdout.isatty():
        _table(plan.sample, OF_ALL, err=err)
    else:
        lines(map(itemgetter(*OF_ALL), map(_exact, plan.sample)))
    if not plan.count:
        note("There are none.")
        return
    more = f"; the oldest {len(plan.sample)} are shown" if plan.count > len(plan.sample) else ""
    note(f"{count(plan.count)}{more}.  The token you speak with is spared.")


def show_revocation(done: RevocationPlan, *, as_json: bool) -> None:
    """What was revoked by rule."""
    if as_json:
        show_json(done)
    show_revoked(done.count, of=done.count, receipts=[done.receipt])


def show_receipt(receipt: ReceiptRecord, *, as_json: bool) -> None:
    """Everything about one change, a line for each thing that it was about."""
    if as_json:
        show_json(receipt)
        return
    more = receipt.count - len(receipt.changes)
    fields(
        ("receipt", str(receipt.seq)),
        ("changed", instant(receipt.created_at, to="milliseconds")),
        ("heard", instant(receipt.heard_at, to="milliseconds") or "not known yet"),
        ("verifiers", None if receipt.verifiers is None else str(receipt.verifiers)),
        ("waited", None if receipt.waited_ms is None else f"{receipt.waited_ms} ms"),
        ("request", receipt.request_id),
        *((each.kind, each.id) for each in receipt.changes),
        ("more", f"{more:,}" if more else None),
    )


def count(number: int) -> str:
    """`number` tokens, in words."""
    return "1 token" if number == 1 else f"{number:,} tokens"


def _table(tokens: Sequence[Token], columns: Sequence[str], *, err: bool = False) -> None:
    # Here, not above: rich takes longer to import than the rest of the command, and a pipe needs none of it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(stderr=err)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    limits = any(token.limits for token in tokens)
    titles = _columns_for(console.width, [each for each in columns if limits or each != "LIMITS"])
    for title in titles:
        table.add_column(title, min_width=_WIDTHS[title], no_wrap=title not in ("NAME", "SCOPE", "LIMITS"))
    now = datetime.now(UTC)
    for token in tokens:
        cells = _at_a_glance(token, now)
        # One line each, unless there are many scopes: a name may be cut, as `show` has the whole.
        texts = [Text(clean(cells[title]) or "", no_wrap=title == "NAME", overflow="ellipsis") for title in titles]
        table.add_row(*texts)
    console.print(table)


_WIDTHS: Final = {
    "ID": 22,  # to be copied, so never cut
    "USER": 22,
    "NAME": 7,
    "ROLE": 8,
    "SCOPE": 12,
    "SERVICES": 8,
    "CREATED": 8,
    "USED": 7,
    "EXPIRES": 7,
    "LIMITS": 8,
}
_FIRST_TO_GO: Final = ("CREATED", "SERVICES", "USED")


def _columns_for(width: int, columns: Sequence[str]) -> list[str]:
    """Those that fit."""
    titles = list(columns)
    for title in _FIRST_TO_GO:
        if sum(_WIDTHS[each] + 2 for each in titles) > width:
            titles.remove(title)
    return titles


def _at_a_glance(token: Token, now: datetime) -> dict[str, str | None]:
    return _exact(token) | {
        "SERVICES": f"{len(token.services)}" if token.services else "all",
        "CREATED": distance(token.created_at, now),
        "USED": distance(token.last_used_at, now),
        "EXPIRES": distance(token.expires_at, now),
        "LIMITS": limited.names(token.limits),
    }


def _exact(token: Token) -> dict[str, str | None]:
    return {
        "ID": token.id,
        "USER": token.user_id or _NOBODY,
        "NAME": token.name,
        "ROLE": token.role if isinstance(token, AutomationToken) else None,
        "SCOPE": token.scope,
        "SERVICES": ",".join(token.services),
        "CREATED": instant(token.created_at),
        "USED": instant(token.last_used_at),
        "EXPIRES": instant(token.expires_at),
        "LIMITS": limited.words(token.limits),
    }


def _whose(token: Token) -> Iterator[tuple[str, str | None]]:
    if token.user_id:
        yield "user", token.user_id
        return
    yield "kind", _NOBODY
    if isinstance(token, AutomationToken):
        yield "role", token.role
        yield "creator", token.creator_id
        yield "TLS", None if token.tls_access is None else "yes" if token.tls_access else "no"


_NOBODY: Final = "automation"  # what stands where a user would: no id is that short


def fields(*pairs: tuple[str, str | None]) -> None:
    """What there is of these, a line for each."""
    told = [(name, value) for name, value in pairs if value]
    if not sys.stdout.isatty():
        lines(told)
        return
    width = max(len(name) for name, _ in told)
    for name, value in told:
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {clean(value) or ''}")


def lines(rows: Iterable[Sequence[str | None]]) -> None:
    """Fields with tabs between, for a pipe."""
    for row in rows:
        click.echo("\t".join(clean(cell) or "" for cell in row))


def show_json(data: object) -> None:
    """Any data.  What JSON itself leaves as it is, though it steers a terminal, stands within strings only: written by number."""
    text = msgspec.json.format(msgspec.json.encode(data), indent=2).decode()
    click.echo(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


_STEERING: Final = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _summary(token: Token) -> str:
    services = "all services" if not token.services else f"services {', '.join(token.services)}"
    end = f"until {instant(token.expires_at)}" if token.expires_at else "never expires"
    role = f"{token.role}, " if isinstance(token, AutomationToken) and token.role else ""
    own = f"; {limited.words(token.limits)}" if token.limits else ""
    return clean(f"{_named(token.id, token.name)}: {role}{token.scope}, {services}, {end}{own}") or ""


def _named(key: str | None, name: str | None) -> str:
    return f"{key} ({name})" if key and name else key or name or ""


def instant(moment: datetime | None, *, to: str = "auto") -> str:
    """An instant, to the last digit that it has; none is no text."""
    return "" if moment is None else moment.isoformat(timespec=to).replace("+00:00", "Z")


def distance(moment: datetime | None, now: datetime) -> str:
    """How far away, in the largest unit that it holds two of: `5m ago`, `in 36h`, `in 89d`."""
    if moment is None:
        return "never"
    seconds = abs((moment - now).total_seconds())
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), (1, "s"))
    length = f"{seconds // size:.0f}{unit}"
    return f"in {length}" if moment > now else f"{length} ago"


_UNITS: Final = ((31_557_600, "y"), (86_400, "d"), (3_600, "h"), (60, "m"))
