"""`tallystick admin offboard`: somebody leaves.  First the plan, then what was decided, all of it or nothing."""

from collections.abc import Mapping, Sequence
from typing import Final

import click
import msgspec

from tallystick.cli import terminal
from tallystick.cli.admin import holdings, options, show
from tallystick.cli.admin.holdings import Person
from tallystick.cli.offline import Desk
from tallystick.core.errors import Invalid
from tallystick.core.ports import Outcome
from tallystick.core.token import Token
from tallystick.identity import offboard as leaving
from tallystick.identity.accounts import require_done
from tallystick.identity.offboard import Fate

_FATES: Final = {"m": Fate.MOVE, "r": Fate.REVOKE}
_DONE: Final = {Fate.MOVE: "moved", Fate.REVOKE: "revoked"}


class _Plan(msgspec.Struct):
    """Who leaves, their customer's services by id, and what was decided so far."""

    person: Person
    services: Mapping[str, str]
    fates: dict[str, Fate]

    @property
    def open(self) -> list[Token]:
        """What is not decided."""
        return [token for token in self.person.tokens if token.id not in self.fates]


@click.command(short_help="Somebody leaves: hand their tokens over or revoke them, and lock or delete them.")
@click.argument("login")
@click.option("--move", "moved", multiple=True, metavar="ID", help="This token lives on as an automation token.")
@click.option("--revoke", "revoked", multiple=True, metavar="ID", help="This token ends.")
@click.option("--rest", type=click.Choice([fate.value for fate in Fate]), help="What becomes of all that is not named.")
@click.option("--delete", is_flag=True, help="Delete the user in the end, instead of locking them.")
@click.option("--dry-run", is_flag=True, help="Show the plan, and do nothing.")
@options.in_json
@options.unasked
def offboard(
    login: str,
    moved: tuple[str, ...],
    revoked: tuple[str, ...],
    rest: str | None,
    *,
    delete: bool,
    dry_run: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Somebody leaves.  Shows each of their live tokens, with when, from where and by what it was last used.

    A token that a machine uses is moved: it becomes an automation token with the same id, the same secret and all that it
    allows, so that whatever uses it never notices.  The others are revoked.  What is not said by an option is asked for.
    Nothing is done before the last question, and then all of it at once: an interrupted hand-over has changed nothing.
    """
    office = options.office()
    plan = office.run(lambda desk: _plan(desk, login))
    plan.fates |= _said(plan, moved, revoked, rest)
    show.leaving(plan.person, plan.services, plan.fates, as_json=as_json)
    _warn(plan)
    if dry_run:
        return
    _decide(plan.open, plan.fates)
    if not yes:
        terminal.confirm(_question(plan, delete=delete))
    user, fates = plan.person.user, plan.fates
    office.run(lambda desk: leaving.offboard(desk.store.people, user, fates, delete=delete, by=desk.by))
    click.echo(_result(plan, delete=delete), err=as_json)


async def _plan(desk: Desk, login: str) -> _Plan:
    """Raises `Conflict` for the last superuser: there is no use in asking anything."""
    person = await holdings.look_up(desk, login)
    users = await desk.store.people.users(person.customer.id)
    others = [each for each in users if each.id != person.user.id]
    if person.user.is_active_superuser and not any(each.is_active_superuser for each in others):
        require_done(Outcome.LAST_SUPERUSER, person.user.id)
    services = await desk.store.people.services(person.customer.id)
    return _Plan(person, {service.id: service.name for service in services}, {})


def _said(plan: _Plan, moved: Sequence[str], revoked: Sequence[str], rest: str | None) -> dict[str, Fate]:
    """What the options decide.  Raises `Invalid` for what is not a live token of theirs, or is to be both."""
    live = {token.id for token in plan.person.tokens}
    if unknown := [each for each in (*moved, *revoked) if each not in live]:
        raise Invalid(f"not live tokens of {plan.person.user.login}: {', '.join(unknown)}")
    if both := set(moved) & set(revoked):
        raise Invalid(f"either --move or --revoke, not both: {', '.join(sorted(both))}")
    said = dict.fromkeys(live, Fate(rest)) if rest is not None else {}
    return said | dict.fromkeys(moved, Fate.MOVE) | dict.fromkeys(revoked, Fate.REVOKE)


def _warn(plan: _Plan) -> None:
    user = plan.person.user
    role = leaving.role_of_moved(user)
    if role is not user.role and plan.person.tokens:
        click.echo(
            f"Note: {user.login} is a {user.role.value}, which no automation token is: what is moved becomes {role.value},"
            " and reaches its own token only, not everybody's.",
            err=True,
        )


def _decide(tokens: Sequence[Token], fates: dict[str, Fate]) -> None:
    if tokens and not terminal.is_interactive():
        ids = ", ".join(token.id for token in tokens)
        raise click.UsageError(f"Say what becomes of {ids}: --move ID, --revoke ID, or --rest move|revoke.")
    for number, token in enumerate(tokens):
        question = f"{show.shown(token.name)} ({token.id}): (m)ove or (r)evoke, M or R for all that are left"
        answer = click.prompt(question, type=click.Choice(["m", "r", "M", "R"]), show_choices=False, err=True)
        fates[token.id] = _FATES[answer.lower()]
        if answer.isupper():
            fates |= dict.fromkeys((each.id for each in tokens[number:]), _FATES[answer.lower()])
            return


def _question(plan: _Plan, *, delete: bool) -> str:
    told = [f"{fate.value} {show.live(number)}" for fate, number in _numbers(plan)]
    end = "delete" if delete else "lock"
    question = f"{', '.join([*told, end])} {plan.person.user.login}?"
    return question[0].upper() + question[1:]


def _result(plan: _Plan, *, delete: bool) -> str:
    told = [f"{show.live(number)} {_DONE[fate]}" for fate, number in _numbers(plan)] or ["no live tokens"]
    return f"{plan.person.user.login} is {'deleted' if delete else 'locked'}: {', '.join(told)}."


def _numbers(plan: _Plan) -> list[tuple[Fate, int]]:
    counted = [(fate, sum(each is fate for each in plan.fates.values())) for fate in _DONE]
    return [(fate, number) for fate, number in counted if number]
