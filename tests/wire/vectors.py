"""Vectors of the wire: what was sent, and what must come back.

A vector is a text file `tests/wire/NAME.txt`; to add one, write it.  It is a conversation, and its lines are

    # a comment: what this is about, or where it was seen
    > POST /tokens                                      a request: method and path,
    > content-type: application/x-www-form-urlencoded   its headers, as often as you like,
    >                                                   and after an empty line its body
    > username=$USER_LOGIN&password=$USER_PASSWORD
    < 200                                               the answer: its status,
    < content-type: application/json                    headers that matter (others are not looked at),
    < !retry-after                                      headers that must not be there,
    <                                                   and after an empty line its body, to the byte:
    < {"id":"<id=NEW_ID>", … ,"access_token":"<secret=NEW>"}

What differs from run to run is written as `<id>`, `<time>` (…Z), `<exact-time>` (….789Z), `<offset-time>` (…+00:00), `<secret>`, `<number>`, `<ip>` or `<any>`; with
`=NAME` it is remembered, and `$NAME` stands for it from then on.  The first names are those of `tallystick demo --env-file`:
$USER_LOGIN, $USER_PASSWORD, $USER_TOKEN, $SUPERUSER_…, $OTP_…, $CUSTOMER_ID, $SERVICE_1, $SERVICE_2, and $OTP_CODE, which
works once.  In a form a name is filled in percent-encoded.  A form's body may go on over several lines.

Each vector runs three times: within this process, and over a socket against servers that others use as well, one over
each database.  So make what you
revoke, and mistype few passwords.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

import httpx2

_MASKS = {
    "id": r"[0-9A-Za-z_]{22}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "exact-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "offset-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00",
    "secret": r"tly_[0-9A-Za-z]{38}",
    "number": r"[0-9]+",
    "ip": r"[0-9a-f.:]+",
    "any": r"[^\"]*",
}
_NAME = re.compile(r"\$(?P<name>[A-Z][A-Z0-9_]*)")
_PART = re.compile(rf"<(?P<mask>{'|'.join(_MASKS)})(?:=(?P<remember>\w+))?>|{_NAME.pattern}")


@dataclass
class Message:
    """One half of an exchange: its first line, its headers, and its body (None = no empty line followed)."""

    first: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: list[str] | None = None

    @property
    def is_form(self) -> bool:
        return ("content-type", "application/x-www-form-urlencoded") in self.headers


@dataclass
class Exchange:
    line: int
    request: Message
    answer: Message


def parse(text: str) -> list[Exchange]:
    """The exchanges of a vector, in order.  Raises ValueError for a line that is none of the above."""
    exchanges: list[Exchange] = []
    current, side = Message(""), ""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        mark, content = line[0], line[1:].removeprefix(" ")
        if mark not in "<>":
            raise ValueError(f"line {number} starts with neither >, < nor #")
        if mark != side:
            current, side = Message(content), mark
            if mark == ">":
                exchanges.append(Exchange(number, current, Message("")))
            else:
                exchanges[-1].answer = current
        elif current.body is not None:
            current.body.append(content)
        elif not content:
            current.body = []
        else:
            name, _, value = content.partition(":")
            current.headers.append((name.strip().lower(), value.strip()))
    return exchanges


async def play(vector: Path, client: httpx2.AsyncClient, names: Mapping[str, str]) -> int:
    """Hold the conversation.  Raises AssertionError with the line at which it went wrong; returns how many exchanges it had."""
    known = dict(names)
    exchanges = parse(vector.read_text(encoding="utf-8"))
    for exchange in exchanges:
        response = await _send(exchange.request, client, known)
        try:
            _compare(response, exchange.answer, known)
        except AssertionError as error:
            error.add_note(f"{vector.name}, line {exchange.line}: {exchange.request.first}")
            raise
    return len(exchanges)


async def _send(request: Message, client: httpx2.AsyncClient, known: Mapping[str, str]) -> httpx2.Response:
    method, path = _filled(request.first, known).split(" ", 1)
    headers = [(name, _filled(value, known)) for name, value in request.headers]
    if request.body is None:
        return await client.request(method, path, headers=headers)
    body = _filled("".join(request.body), known, in_form=request.is_form)
    return await client.request(method, path, headers=headers, content=body.encode())


def _compare(response: httpx2.Response, expected: Message, known: dict[str, str]) -> None:
    assert f"{response.status_code}" == expected.first, response.text
    for name, value in expected.headers:
        if name.startswith("!"):
            assert name[1:] not in response.headers
        else:
            assert name in response.headers
            _match(response.headers[name], value, known)
    _match(response.text, "".join(expected.body or []), known)


def _match(text: str, wanted: str, known: dict[str, str]) -> None:
    pattern, remembered = _pattern(wanted, known)
    found = re.fullmatch(pattern, text)
    assert found, f"expected {wanted}\n     got {text}"
    known.update({name: found[name] for name in remembered})


def _pattern(text: str, known: Mapping[str, str]) -> tuple[str, set[str]]:
    """A regular expression for a body, or a header, with masks and names, and which names it remembers (as groups of that name)."""
    pattern, at = "", 0
    remembered: set[str] = set()
    for part in _PART.finditer(text):
        pattern += re.escape(text[at : part.start()])
        at = part.end()
        if part["name"]:
            # A name that this very body has remembered stands for that, not for an older one.
            name = part["name"]
            pattern += f"(?P={name})" if name in remembered else re.escape(known[name])
        elif part["remember"]:
            remembered.add(part["remember"])
            pattern += f"(?P<{part['remember']}>{_MASKS[part['mask']]})"
        else:
            pattern += _MASKS[part["mask"]]
    return pattern + re.escape(text[at:]), remembered


def _filled(text: str, known: Mapping[str, str], *, in_form: bool = False) -> str:
    return _NAME.sub(lambda name: quote_plus(known[name[1]]) if in_form else known[name[1]], text)
