"""`tallystick explain`: which rule refused a request, and what would have let it in."""

from typing import Any

import click

from tallystick.cli import ending, output
from tallystick.cli.connect import api, as_json, connected
from tallystick.client.sync import TokensApi


@click.command(cls=ending.Command)
@click.argument("request_id", metavar="ID")
@as_json
@connected
# Any: values of options, each of the type that goes under that name.
def explain(request_id: str, as_json: bool, **where: Any) -> None:
    """Say why a request was refused, and what would have let it in, for superusers.

    ID is what stands in the header Tallystick-Refusal of the answer; whoever was refused can read nothing from it.  Where to,
    with which token, and how it ends: see `tallystick token --help`.
    """
    with api(TokensApi, **where) as tokens:
        found = tokens.explain_refusal(request_id)
    if as_json:
        output.show_json(found)
        return
    output.fields(
        ("refused", output.instant(found.at, to="milliseconds")),
        ("token", found.token_id or "not known"),
        ("because", found.rule),
        ("to let it in", found.cure),
    )
