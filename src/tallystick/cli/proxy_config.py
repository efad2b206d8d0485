"""`tallystick proxy-config`: the whole configuration of a gateway that asks this service before it lets anybody through."""

import re
from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

import click
import msgspec

from tallystick.cli import settings
from tallystick.cli.listen import Address
from tallystick.core.errors import Invalid

TEMPLATES: Final = {"nginx": "nginx.conf", "caddy": "Caddyfile", "envoy": "envoy.yaml", "traefik": "traefik.yaml"}
_PLACE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_QUESTION: Final = re.compile(r"[A-Za-z0-9._:-]+(?: [A-Za-z0-9._:-]+)*")


class Place(msgspec.Struct, frozen=True):
    """Where something listens."""

    host: str
    port: int

    def names(self, name: str) -> dict[str, str]:
        """What a template calls it: both together, with IPv6 in brackets, and each alone, without."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return {name: f"{host}:{self.port}", f"{name}_HOST": self.host, f"{name}_PORT": str(self.port)}


def _place(context: click.Context, option: click.Parameter, text: str) -> Place:  # noqa: ARG001 - click's signature
    found = _PLACE.fullmatch(text)
    if found is None or not 0 < int(found[2]) <= 65535:
        raise click.BadParameter("must be an address and a port, such as 127.0.0.1:3000")
    return Place(found[1].strip("[]"), int(found[2]))


def _words(context: click.Context, option: click.Parameter, text: str | None) -> str | None:  # noqa: ARG001 - click's
    # What needs no quoting in any of the four languages, once it is written for an address.
    if text is not None and _QUESTION.fullmatch(text) is None:
        raise click.BadParameter("must be words with spaces between, of letters, digits and ._:-")
    return text


@click.command("proxy-config")
@click.argument("gateway", type=click.Choice(list(TEMPLATES)))
@click.option(
    "--upstream", default="127.0.0.1:3000", show_default=True, callback=_place, metavar="HOST:PORT", help="The API."
)
@click.option(
    "--listen",
    default="127.0.0.1:8000",
    show_default=True,
    callback=_place,
    metavar="HOST:PORT",
    help="Where the gateway listens, by plain HTTP.",
)
@click.option("--scope", callback=_words, metavar="WORDS", help="What a token must have to get through.")
@click.option("--service", callback=_words, metavar="ID", help="The service that a token must reach to get through.")
@settings.options("host", "port")
def proxy_config(
    gateway: str, upstream: Place, listen: Place, scope: str | None, service: str | None, **flags: str | None
) -> None:
    """Print the configuration of a gateway in front of an API: only who has a live token gets through.

    It asks the service where `tallystick serve` listens, by the same settings.
    """
    given = settings.read(flags)
    if given.port == 0:
        raise Invalid("the gateway must know which port the service has: say it with --port")
    asked = Place(Address(given.host, given.port).reachable, given.port)
    wanted = {name: value for name, value in (("scope", scope), ("service", service)) if value is not None}
    click.echo(configuration(gateway, service=asked, upstream=upstream, listen=listen, wanted=wanted), nl=False)


def configuration(gateway: str, *, service: Place, upstream: Place, listen: Place, wanted: dict[str, str]) -> str:
    """The text for one of `TEMPLATES`.  `wanted`: the parameters of `/check`."""
    words = urlencode(wanted)
    names = {"WORDS": words, "QUESTION": f"?{words}" if words else ""}
    names |= service.names("SERVICE") | upstream.names("UPSTREAM") | listen.names("LISTEN")
    template = (files("tallystick.cli") / "gateways" / TEMPLATES[gateway]).read_text(encoding="utf-8")
    return re.sub(r"<<(\w+)>>", lambda found: names[found[1]], template)
