"""Every setting of the service, and the only reader of the environment.

A setting is a field of `Settings`: its default, its check and its help stand side by side, and the flags, the error
messages and docs/settings.md come from there.  Before adding one, look for a default that is right for all.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, Self, TypeVar, get_type_hints

import click

from tallystick import storage
from tallystick.core.errors import Invalid

_Words = TypeVar("_Words", bound=StrEnum)
_Command = TypeVar("_Command", bound=Callable[..., Any])

PREFIX: Final = "TALLYSTICK_"
# Read by the client, and known here so that it is not taken for a misspelt one.
_THE_CLIENTS: Final = frozenset({"TALLYSTICK_URL"})


class Hashing(StrEnum):
    """How much work a password hash is."""

    STANDARD = "standard"
    CHEAPEST = "cheapest"


class Scraping(StrEnum):
    """Who may read the metrics."""

    OFF = "off"
    TOKEN = "token"
    OPEN = "open"


def _database(text: str) -> str:
    # What follows the colon is not repeated in the message: it may hold a password.
    if re.fullmatch(r"sqlite:.+", text) is None and not storage.is_on_server(text):
        raise ValueError(
            "must be sqlite: and a path, such as sqlite:tallystick.db, or postgresql://USER:PASSWORD@HOST/DATABASE"
        )
    return _understood(text)


def _replica(text: str) -> str:
    if text and not storage.is_on_server(text):
        raise ValueError("must be postgresql://USER:PASSWORD@HOST/DATABASE")
    return _understood(text) if text else text


def _understood(url: str) -> str:
    try:
        storage.shown(url)
    except Invalid as error:
        raise ValueError(f"is wrong: {error}") from None
    return url


def _host(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9.:_-]+", text) is None:
        raise ValueError(f"must be an address or the name of one, such as 127.0.0.1, not {text!r}")
    return text


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text) is None or not low <= int(text) <= high:
            raise ValueError(f"must be a number from {low} to {high}, not {text!r}")
        return int(text)

    return number


def _one_of(words: type[_Words]) -> Callable[[str], _Words]:
    def word(text: str) -> _Words:
        if text not in list(words):
            raise ValueError(f"must be {' or '.join(words)}, not {text!r}")
        return words(text)

    return word


def _networks(text: str) -> tuple[str, ...]:
    networks = tuple(part.strip() for part in text.split(","))
    for network in networks:
        try:
            everybody = ipaddress.ip_network(network).prefixlen == 0
        except ValueError as error:
            raise ValueError(f"must be networks such as 10.0.0.7/32,fd00::/64, not {network!r}") from error
        if everybody:
            raise ValueError(f"must name the proxies alone: {network} is everybody")
    return networks


class Setting(NamedTuple):
    """Beside a field: how text becomes its value (ValueError = the rest of a sentence), and what it is for."""

    parse: Callable[[str], Any]
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, valid.  `serve` takes them apart: nobody below receives this, only the values they need."""

    # Without them in the repr: they may hold a password.
    database: Annotated[
        str,
        Setting(
            _database,
            "Where everything is kept: `sqlite:` and the path of a file, or `postgresql://USER:PASSWORD@HOST/DATABASE`, which "
            "is better not given as a flag, where others see it. docs/postgresql.md says what may follow its question mark.",
        ),
    ] = field(default="sqlite:tallystick.db", repr=False)

    database_replica: Annotated[
        str,
        Setting(
            _replica,
            "A streaming replica of a PostgreSQL database, in which tokens are looked up first; what it does not know yet "
            "is looked up in the database itself.",
        ),
    ] = field(default="", repr=False)

    key_file: Annotated[
        Path,
        Setting(
            Path,
            "The file with the key that digests and one-time secrets depend on; `tallystick init` makes it, mode 0600. "
            "Back it up apart from the database: neither is of use without the other.",
        ),
    ] = Path("tallystick.key")

    host: Annotated[
        str,
        Setting(
            _host,
            "The address to listen on. Tallystick speaks plain HTTP: "
            "put a proxy that speaks TLS in front before choosing one that others reach.",
        ),
    ] = "127.0.0.1"

    port: Annotated[int, Setting(_number(0, 65535), "The port to listen on; 0 takes any free one.")] = 8080

    workers: Annotated[int, Setting(_number(1, 64), "How many processes answer requests.")] = 1

    writes_per_hour: Annotated[
        int,
        Setting(
            _number(0, 999_999_999),
            "How many writes each user may make in an hour of the clock, over all nodes; 0 sets no limit. "
            "Reads are never counted.",
        ),
    ] = 1000

    hashing: Annotated[
        Hashing,
        Setting(
            _one_of(Hashing),
            "Work per password: `standard` is the low-memory profile of RFC 9106; `cheapest` is for tests only.",
        ),
    ] = Hashing.STANDARD

    metrics: Annotated[
        Scraping,
        Setting(
            _one_of(Scraping),
            "Who may read `/metrics`: nobody (`off`), who presents a superuser's or an automation token (`token`), or everybody "
            "who reaches the port (`open`). docs/metrics.md says what is in it.",
        ),
    ] = Scraping.OFF

    trusted_proxies: Annotated[
        tuple[str, ...],
        Setting(
            _networks,
            "The proxies and gateways in front, as networks with commas between: what they say in `X-Forwarded-For` and `-Proto` is believed, and "
            "nobody else. Without, everybody who comes through a proxy has its address.",
        ),
    ] = ()

    scopes: Annotated[
        Path | None,
        Setting(
            Path,
            "A TOML file with scopes of your own, for all customers in place of theirs; one without any gives them theirs back, and "
            "without this setting what was read last stays. docs/scopes.md says what is in it.",
        ),
    ] = None

    @classmethod
    def read(
        cls, environ: Mapping[str, str], overrides: Mapping[str, str | None], otherwise: Mapping[str, str] | None = None
    ) -> Self:
        """The settings: from `overrides` (flags, by field name), else the environment, else `otherwise`, else the defaults.

        Text that is empty in the environment counts as absent.  Raises one `Invalid` that names every mistake, including
        TALLYSTICK_… names that are no settings.
        """
        mistakes = list(_unknown(environ))
        values: dict[str, Any] = {}
        for name, setting in SETTINGS.items():
            flag = overrides.get(name)
            text = environ.get(variable(name), "") if flag is None else flag
            if not text and flag is None:
                if otherwise is None or name not in otherwise:
                    continue
                text = otherwise[name]
            try:
                values[name] = setting.parse(text)
            except ValueError as error:
                mistakes.append(f"{variable(name) if flag is None else option(name)} {error}")
        if mistakes:
            raise Invalid("; ".join(mistakes))
        return cls(**values)


SETTINGS: Final[dict[str, Setting]] = {
    name: hint.__metadata__[0] for name, hint in get_type_hints(Settings, include_extras=True).items()
}


def read(overrides: Mapping[str, str | None], otherwise: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.  `otherwise`: a command's own defaults."""
    return Settings.read(os.environ, overrides, otherwise)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def option(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def options(*names: str) -> Callable[[_Command], _Command]:
    """Flags for these settings.  They arrive as text or None, for `read`."""

    def add(command: _Command) -> _Command:
        for name in reversed([one for one in SETTINGS if one in names]):
            described = f"{SETTINGS[name].help}  [{variable(name)}; default: {_default(name)}]"
            command = click.option(option(name), name, metavar="TEXT", help=described)(command)
        return command

    return add


def page() -> str:
    """docs/settings.md."""
    rows = [
        f"| `{variable(name)}` | `{option(name)}` | `{_default(name)}` | {setting.help} |"
        for name, setting in SETTINGS.items()
    ]
    return _PAGE.format(rows="\n".join(rows))


def _default(name: str) -> object:
    default = getattr(Settings(), name)
    return "none" if default in ((), None) else default


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    known = {variable(name) for name in SETTINGS} | _THE_CLIENTS
    meant = [name.removeprefix(PREFIX) for name in sorted(known)]
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = [PREFIX + one for one in difflib.get_close_matches(name.removeprefix(PREFIX), meant, n=1)]
            yield f"{name} is not a setting" + (f" (is {near[0]} meant?)" if near else "")


_PAGE: Final = """\
<!-- Made from src/tallystick/cli/settings.py; a test compares the two. -->
# Settings

Read by `tallystick serve`, `init` and `admin`.  A flag goes before the environment, and the environment before the default; an
empty variable counts as absent.  Every mistake is reported at once, and a `TALLYSTICK_…` variable that is none of these is one.

| variable | flag | default | meaning |
|---|---|---|---|
{rows}

`TALLYSTICK_URL` is read by the client and by `tallystick token`: the address of the service they talk to.

Kubernetes gives every pod variables named after each Service.  Next to a Service that is called `tallystick` these would be
`TALLYSTICK_PORT` and others like it: set `enableServiceLinks: false` for the pod.
"""
