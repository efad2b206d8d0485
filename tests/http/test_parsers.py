"""Whatever arrives: an answer of ours, or an error of ours; never an accident."""

import asyncio
from typing import NoReturn
from urllib.parse import quote, urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request

from tallystick.core.errors import Invalid, TallystickError, TooLarge
from tallystick.http import bodies, wire
from tallystick.http.guards import presented

FORM, JSON = bodies.FORM, bodies.JSON[0]
TAKES = (wire.CreateToken, wire.Sudo, wire.BulkRevoke)
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
# Values as JSON has them; NaN is none.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | PLAIN,
    lambda inner: st.lists(inner) | st.dictionaries(PLAIN, inner),
    max_leaves=10,
)
NAMES = st.sampled_from(["name", "scope", "services", "services[]", "password", "expires_at", "data", "id"])


async def read(content: bytes, kind: str, into: type[bodies.T]) -> bodies.T:
    """What the service makes of a body that arrives in pieces."""
    pieces = [content[at : at + 7] for at in range(0, len(content), 7)] or [b""]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    headers = [(b"content-type", kind.encode("latin-1"))]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    return await bodies.read(await bodies.whole(request), into)


@pytest.mark.parametrize("into", TAKES, ids=lambda into: into.__name__)
@pytest.mark.parametrize("kind", [FORM, JSON])
@given(content=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
async def test_any_bytes_are_read_or_refused(kind: str, into: type[msgspec.Struct], content: bytes) -> None:
    try:
        value = await read(content, kind, into)
    except TallystickError:
        return
    assert isinstance(value, into)


@pytest.mark.parametrize("into", TAKES, ids=lambda into: into.__name__)
@given(content=st.dictionaries(NAMES | PLAIN, VALUES).map(msgspec.json.encode) | VALUES.map(msgspec.json.encode))
async def test_any_json_is_read_or_refused(into: type[msgspec.Struct], content: bytes) -> None:
    try:
        value = await read(content, JSON, into)
    except Invalid:
        return
    assert isinstance(value, into)


@given(pairs=st.lists(st.tuples(NAMES | PLAIN, PLAIN)))
async def test_any_form_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        value = await read(urlencode(pairs).encode(), FORM, wire.CreateToken)
    except Invalid:
        return
    assert value.name == dict(pairs).get("name")


@settings(max_examples=20)
@given(kind=st.text(st.characters(max_codepoint=255)))
async def test_any_content_type_is_ours_to_refuse(kind: str) -> None:
    with pytest.raises(TallystickError):
        await read(b"{", kind, wire.Sudo)


@given(name=PLAIN, services=st.lists(PLAIN), spaces=st.sampled_from(["+", "%20"]))
async def test_form_and_json_say_the_same(name: str, services: list[str], spaces: str) -> None:
    def coded(text: str) -> str:
        return quote(text, safe="").replace("%20", spaces)

    form = "&".join([f"name={coded(name)}", *(f"services[]={coded(service)}" for service in services)])
    json = msgspec.json.encode({"name": name, "services": services or None})

    assert await read(form.encode(), FORM, wire.CreateToken) == await read(json, JSON, wire.CreateToken)


@pytest.mark.parametrize(
    "form",
    [
        "services[]=A&services[]=B",
        "services%5B%5D=A&services%5B%5D=B",
        "services=A&services=B",
        "services[0]=A&services[1]=B",
        "services[][0]=A&services[][1]=B",
        "services%5B%5D%5B0%5D=A&services%5B%5D%5B1%5D=B",
        "services[10]=A&services[9]=B",
    ],
)
async def test_all_spellings_of_services_are_one_list_in_the_order_sent(form: str) -> None:
    assert (await read(form.encode(), FORM, wire.CreateToken)).services == ["A", "B"]


@pytest.mark.parametrize("form", ["services=A", "services[]=A", "services[0]=A", "services[][0]=A"])
async def test_one_service_is_a_list_of_one(form: str) -> None:
    assert (await read(form.encode(), FORM, wire.CreateToken)).services == ["A"]


@pytest.mark.parametrize(
    "into, content, twice",
    [
        (wire.CreateToken, rb'{"scope":"global:read","scope":"global"}', "scope"),
        (wire.CreateToken, rb'{"name":"a","n\u0061me":"a"}', "name"),
        (wire.CreateToken, rb'{"other":1,"name":"n","other":2}', "other"),
        (wire.BulkRevoke, rb'{"data":[{"id":"a","id":"b"}]}', "id"),
    ],
)
async def test_a_field_that_json_holds_twice_is_refused(into: type[msgspec.Struct], content: bytes, twice: str) -> None:
    with pytest.raises(Invalid, match="more than once") as caught:
        await read(content, JSON, into)
    assert str(caught.value) == f"{twice} was given more than once"


@pytest.mark.parametrize("other", [b'{"\xff":1}', b'{"other":{"\xed\xa0\x80":1}}'])
async def test_bad_utf_8_is_refused_also_where_nobody_reads_it(other: bytes) -> None:
    with pytest.raises(Invalid, match="UTF-8"):
        await read(other, JSON, wire.CreateToken)


async def test_a_number_of_any_length_is_passed_over() -> None:
    content = b'{"name":"n","other":' + b"9" * 5000 + b"}"
    assert await read(content, JSON, wire.CreateToken) == wire.CreateToken(name="n")


@pytest.mark.parametrize("kind", [FORM, JSON, "text/plain", ""])
async def test_an_empty_body_is_one_without_any_field_whatever_it_is_called(kind: str) -> None:
    assert await read(b"", kind, wire.CreateToken) == wire.CreateToken()


async def test_a_body_that_is_announced_as_too_large_is_refused_before_it_is_read() -> None:
    async def receive() -> NoReturn:
        raise AssertionError("it was read")

    headers = [(b"content-type", JSON.encode()), (b"content-length", b"1048577")]
    with pytest.raises(TooLarge):
        await bodies.whole(Request({"type": "http", "method": "POST", "headers": headers}, receive))


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS_MAX", 0)
    pieces = [b"{"]

    async def receive() -> dict[str, object]:
        if not pieces:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(), "more_body": True}

    headers = [(b"content-type", JSON.encode())]
    with pytest.raises(Invalid, match="took longer"):
        await bodies.whole(Request({"type": "http", "method": "POST", "headers": headers}, receive))


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"fastly-key", b"authorization", b"x-other"]),
        st.binary(max_size=60) | st.binary(max_size=60).map(lambda some: b"Bearer " + some),
    ),
    max_size=4,
)


@given(raw=HEADERS)
def test_any_headers_present_one_token_none_or_an_error_of_ours(raw: list[tuple[bytes, bytes]]) -> None:
    try:
        secret = presented(Headers(raw=raw))
    except Invalid:
        assert sum(name != b"x-other" for name, _ in raw) > 1
        return
    if secret is not None:
        assert any(secret.reveal() in value.decode("latin-1") for _, value in raw)
        assert secret.reveal() == secret.reveal().strip() != ""
