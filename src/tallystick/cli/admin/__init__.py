"""`tallystick admin`: people, services, passwords and one-time codes, straight in the database.

    users       make, show, change, lock and delete them
    offboard    somebody leaves (`plan`: what there is to decide about)
    customers   the accounts that keep them apart
    services    what a token can be limited to
    proofs      passwords and one-time codes
    events      who did what
    copy        everything into another database
    show        how any of it is shown

Whoever can read the key file and the database may do anything here: no password is asked for.
"""

from typing import Final

import click

from tallystick.cli import settings
from tallystick.cli.admin import copy, customers, events, offboard, proofs, services, users
from tallystick.cli.ending import Commands


@click.group(cls=Commands)
@settings.options("database", "key_file", "hashing")
def admin(**flags: str | None) -> None:
    """Customers, users, services, passwords and one-time codes.

    Works directly on the database, whether the server runs or not; what changes holds from the server's next answer on.

    \b
    Exit codes: 0 done · 1 failed · 2 usage · 5 not found · 6 invalid · 8 unavailable · 9 in the way
    """  # noqa: D301 - \b is click's sign for lines that are to be kept
    click.get_current_context().obj = flags


COMMANDS: Final = (
    customers.customer,
    users.user,
    offboard.offboard,
    services.service,
    proofs.set_password,
    proofs.enrol_totp,
    proofs.remove_totp,
    events.events,
    copy.copy,
)
for _command in COMMANDS:
    admin.add_command(_command)
