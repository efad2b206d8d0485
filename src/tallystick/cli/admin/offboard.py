"""`tallystick admin offboard`: somebody leaves; what becomes of their tokens is decided one by one, and done at once."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

import click

from tallystick.cli import output, terminal
from tallystick.cli.admin import options
from tallystick.cli.admin.plan import Fates, Plan, draw_up, named, show_plan, used
from tallystick.cli.heard import everywhere
from tallystick.cli.offline import Desk, Office
from tallystick.client.errors import clean
from tallystick.core.errors import NotFound
from tallystick.core.receipt import Receipt
from tallystick.core.token import Token
from tallystick.identity import offboard as leaving
from tallystick.identity.offboard import Fate, OutOfDate


@click.command(short_help="Somebody leaves: move or revoke each of their tokens, and lock or delete them.")
@click.argument("login")
@click.option("--move", "moved", metavar="ID", multiple=True, help="Move this token; may be given again.")
@click.option("--revoke", "revoked", metavar="ID", multiple=True, help="Revoke this token; may be given again.")
@click.option(
    "--rest", type=click.Choice([fate.value for fate in Fate]), help="What becomes of those that are not named."
)
@click.option("--delete", is_flag=True, help="Delete the user; else they are locked.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@options.unasked
@options.in_json
def offboard(
    login: str,
    moved: tuple[str, ...],
    revoked: tuple[str, ...],
    rest: str | None,
    delete: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Somebody leaves: move or revoke each of their live tokens, and lock them, or delete them.

    A token that is moved becomes an automation token with the same id, secret, scope, services and end: whatever uses it
    notices nothing.  What is not said on the command line is asked for.  All of it is done at once, after a last question;
    until then, and whenever it is interrupted, nothing is.  Who may make new tokens meanwhile gets another password first:
    `tallystick admin set-password`.

    In a pipe each token is a line with tabs: id, name, scope, services, end, last use (when, from where, by what), its role
    if it is moved, and what becomes of it, as far as the command line says it.
    """
    said = _said(moved, revoked)
    office = options.office()
    plan = office.run(_drawn_up(login))
    fates = _of_command_line(plan, said, None if rest is None else Fate(rest))
    show_plan(plan, fates, as_json=as_json)
    if dry_run:
        return
    if plan.user.locked and not plan.tokens and not delete:
        output.note(f"{plan.user.login} is locked already, and has no live tokens: nothing is left to do.")
        return
    _leave(office, plan, fates, delete=delete, yes=yes)


# --- What the command line says -------------------------------------------------------------------------------------


def _said(moved: tuple[str, ...], revoked: tuple[str, ...]) -> Fates:
    if both := set(moved) & set(revoked):
        raise click.UsageError(f"Either --move or --revoke, not both: {', '.join(sorted(both))}.")
    return dict.fromkeys(moved, Fate.MOVE) | dict.fromkeys(revoked, Fate.REVOKE)


def _of_command_line(plan: Plan, said: Fates, rest: Fate | None) -> Fates:
    """What it says about the tokens of the plan.  Raises `NotFound` for one that is not in it."""
    if unknown := [each for each in said if each not in plan.by_id]:
        raise NotFound(
            f"{plan.user.login} has no live token {', '.join(unknown)}",
            detail=f"`tallystick admin offboard {plan.user.login} --dry-run` shows those that they have",
        )
    of_rest = {} if rest is None else dict.fromkeys(plan.by_id, rest)
    return of_rest | dict(said)


# --- Deciding, and doing it -----------------------------------------------------------------------------------------


def _leave(office: Office, plan: Plan, fates: Fates, *, delete: bool, yes: bool) -> None:
    """Decide and carry out; again, about what is new, when tokens came or went while people thought."""
    while True:
        fates = _decided(plan, fates, delete=delete, yes=yes)
        try:
            receipt = _carry_out(office, plan, fates, delete=delete)
        except OutOfDate as error:
            before, plan = plan, office.run(_drawn_up(plan.user.login))
            _show_what_changed(before, plan)
            if not terminal.is_interactive():
                raise _again(plan) from error
            fates = {token_id: fate for token_id, fate in fates.items() if token_id in plan.by_id}
        else:
            _show_done(plan, fates, receipt, delete=delete)
            return


def _decided(plan: Plan, fates: Fates, *, delete: bool, yes: bool) -> Fates:
    try:
        whole = _asked_about(plan, fates)
        if not yes:
            terminal.confirm(f"{_summary(plan, whole, delete=delete)}?")
    except click.Abort:
        output.note(f"\nNothing was done: {plan.user.login} and their tokens are as they were.")
        raise
    return whole


def _carry_out(office: Office, plan: Plan, fates: Fates, *, delete: bool) -> Receipt | None:
    async def work(desk: Desk) -> None:
        known = await desk.store.people.user(plan.user.id)
        if known is not None and known.role is not plan.user.role:
            raise OutOfDate("The plan is out of date", detail="Nothing was done: the role is another one")
        await leaving.offboard(desk.store.people, plan.user, fates, delete=delete, by=desk.by)

    try:
        return office.run_told(work)[1]
    except KeyboardInterrupt:
        login = plan.user.login
        output.note(
            f"\nEither all of it is done or nothing: `tallystick admin offboard {login} --dry-run` shows which."
        )
        raise


def _drawn_up(login: str) -> Callable[[Desk], Awaitable[Plan]]:
    return lambda desk: draw_up(desk, login)


def _again(plan: Plan) -> OutOfDate:
    return OutOfDate(
        f"the tokens of {plan.user.login} changed meanwhile, and nothing was done",
        detail="look at the new plan with --dry-run, and decide again",
    )


# --- Asking -----------------------------------------------------------------------------------------------------------

_ANSWERS: Final[Mapping[str, tuple[Fate, bool]]] = {  # what becomes of this one, and whether of all that follow too
    "m": (Fate.MOVE, False),
    "r": (Fate.REVOKE, False),
    "mm": (Fate.MOVE, True),
    "rr": (Fate.REVOKE, True),
}
_QUIT: Final = "q"
_ANSWER: Final = click.Choice([*_ANSWERS, _QUIT], case_sensitive=False)


def _asked_about(plan: Plan, fates: Fates) -> Fates:
    """What becomes of all of them: what is known, and what is answered."""
    open_ones = [token for token in plan.tokens if token.id not in fates]
    if open_ones and not terminal.is_interactive():
        ids = ", ".join(token.id for token in open_ones)
        raise click.UsageError(f"Say what becomes of {ids}: --move ID, --revoke ID, or --rest move|revoke.")
    if open_ones:
        output.note("\nm: move it · r: revoke it · mm, rr: it and all that follow · q: quit, and nothing is done")
    return dict(fates) | dict(_answers(open_ones))


def _answers(open_ones: Sequence[Token]) -> Iterator[tuple[str, Fate]]:
    of_rest: Fate | None = None
    for number, token in enumerate(open_ones, start=1):
        fate = of_rest
        if fate is None:
            output.note(f"\n{number}/{len(open_ones)}  {named(token)}: {token.scope}, {used(token)}")
            answer = click.prompt("[m/r/mm/rr/q]", type=_ANSWER, show_choices=False, err=True)
            if answer == _QUIT:
                raise click.Abort
            fate, for_all = _ANSWERS[answer]
            of_rest = fate if for_all else None
        yield token.id, fate


# --- Telling ----------------------------------------------------------------------------------------------------------


def _summary(plan: Plan, fates: Fates, *, delete: bool) -> str:
    """`Move 2 tokens, revoke 1 token and lock anna@example.com`."""
    moved, ended = _with(plan, fates, Fate.MOVE), _with(plan, fates, Fate.REVOKE)
    tokens = [f"move {output.count(len(moved))}"] if moved else []
    tokens += [f"revoke {output.count(len(ended))}"] if ended else []
    last = f"{'delete' if delete else 'lock'} {plan.user.login}"
    whole = f"{', '.join(tokens)} and {last}" if tokens else last
    return whole[:1].upper() + whole[1:]


def _show_what_changed(before: Plan, after: Plan) -> None:
    output.note("Nothing was done, because meanwhile:")
    for token in before.tokens:
        if token.id not in after.by_id:
            output.note(f"  {named(token)} was revoked, or has expired")
    for token in after.tokens:
        if token.id not in before.by_id:
            output.note(f"  {named(token)} is new: {token.scope}, {used(token)}")
    if after.role is not before.role:
        output.note(f"  a token that is moved has the role {after.role.value}, no longer {before.role.value}")


def _show_done(plan: Plan, fates: Fates, receipt: Receipt | None, *, delete: bool) -> None:
    login = plan.user.login
    moved, ended = _with(plan, fates, Fate.MOVE), _with(plan, fates, Fate.REVOKE)
    if moved:
        output.note(f"Moved {_listed(moved)}.")
        output.note("  Whoever runs what uses them keeps the same secrets and need do nothing.")
        output.note(
            "  `tallystick automation list` (`GET /automation-tokens`) shows them now, and superusers can revoke them."
        )
    if ended:
        output.note(f"Revoked {_listed(ended)}: {everywhere([receipt]) or 'refused from now on'}.")
    if delete:
        output.note(f"{login} is deleted.")
    else:
        output.note(f"{login} is locked, and cannot log in.  `tallystick admin user delete {login}` deletes them.")


def _listed(tokens: Sequence[Token]) -> str:
    return f"{output.count(len(tokens))}: {', '.join(clean(token.name) or token.id for token in tokens)}"


def _with(plan: Plan, fates: Fates, wanted: Fate) -> list[Token]:
    return [token for token in plan.tokens if fates[token.id] is wanted]
