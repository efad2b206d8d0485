"""Where to, and as whom; above all: one of our secrets never goes to Fastly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick import AsyncTokensApi, Secret, TokensApi
from tallystick.client._target import target
from tallystick.core.errors import Invalid

OURS = Secret.mint()


def test_the_address_is_that_of_the_argument_else_the_environment_else_fastly() -> None:
    environ = {"TALLYSTICK_URL": "https://env.example"}

    assert target("x", "https://arg.example/", environ).url == "https://arg.example"
    assert target("x", None, environ).url == "https://env.example"
    assert target("x", None, {}).url == "https://api.fastly.com"
    assert target("x", None, {"TALLYSTICK_URL": " "}).url == "https://api.fastly.com"


def test_the_token_is_that_of_the_argument_else_the_environment_else_none() -> None:
    environ = {"FASTLY_API_TOKEN": "from-env\n"}

    def secret(token: str | Secret | None, environ: dict[str, str]) -> str | None:
        chosen = target(token, None, environ).secret
        return None if chosen is None else chosen.reveal()

    assert secret("from-arg", environ) == "from-arg"
    assert secret(Secret("from-arg"), environ) == "from-arg"
    assert secret(None, environ) == "from-env"
    assert secret("", environ) is None
    assert secret(None, {}) is None


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://api.fastly.com",
        "https://api.fastly.com:443/",
        "http://API.Fastly.COM",
        "https://api.fastly.com.",
        "https://fastly.com",
        "https://rt.fastly.com/x",
    ],
)
@pytest.mark.parametrize("client", [TokensApi, AsyncTokensApi])
def test_a_secret_of_ours_is_never_sent_to_fastly(
    client: type[TokensApi | AsyncTokensApi], url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTLY_API_TOKEN", OURS.reveal())

    with pytest.raises(Invalid, match="set TALLYSTICK_URL") as caught:
        client(url=url)

    assert OURS.reveal() not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize("url", ["https://fastly.com.example", "https://notfastly.com", "http://127.0.0.1:8080"])
def test_a_secret_of_ours_goes_to_any_other_host(url: str) -> None:
    assert target(OURS, url, {}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tokens.example.com",
        "ftp://tokens.example.com",
        "https://",
        "https://user:pass@tokens.example.com",
        "https://tokens.example.com\\@api.fastly.com",
        "https://tokens.example.com?x=1",
        "https://tokens.example.com#x",
        "https://tokens.example.com:99999",
        "https://api.fastly。com",
        "https://api.fastly.com\n",
        " https://api.fastly.com",
    ],
)
def test_an_address_that_parsers_could_read_differently_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="must look like") as caught:
        target(OURS, url, {})

    assert "pass@" not in str(caught.value)


@given(st.text(max_size=40).filter(lambda text: text.strip()))
def test_a_token_that_cannot_be_a_header_is_refused_without_being_shown(text: str) -> None:
    text = text.removeprefix("tly_")
    fit = text.strip().isascii() and text.strip().isprintable() and " " not in text.strip()

    if fit:
        secret = target(text, None, {}).secret
        assert secret is None or secret.reveal() == text.strip()
    else:
        with pytest.raises(Invalid, match="that no token has") as caught:
            target(text, None, {})
        assert len(text.strip()) < 3 or text.strip() not in str(caught.value)
