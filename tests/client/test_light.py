"""`import tallystick` costs nothing, and the client stands without the server."""

import subprocess
import sys
from importlib import metadata

import tallystick

HEAVY = {
    "aiosql", "argon2", "asyncio", "click", "cryptography", "granian", "httpx2", "msgspec", "rich", "segno", "starlette",
    "uvloop", "zxcvbn",
}  # fmt: skip
SERVER = HEAVY - {"asyncio", "click", "httpx2", "msgspec", "rich"}


def loaded_after(program: str) -> set[str]:
    program += "\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in result.stdout.split()}


def test_importing_the_package_loads_no_library() -> None:
    assert loaded_after("import tallystick").isdisjoint(HEAVY)


def test_the_http_library_is_loaded_when_a_client_is_made_and_not_before() -> None:
    before = loaded_after("from tallystick import TokensApi, AsyncTokensApi, Token, Invalid")
    after = loaded_after("from tallystick import TokensApi\nTokensApi(url='http://127.0.0.1:1')")

    assert before.isdisjoint(HEAVY - {"msgspec"})
    assert "httpx2" in after


def test_the_client_works_where_the_server_is_not_installed() -> None:
    hidden = "\n".join(f"sys.modules[{name!r}] = None" for name in sorted(SERVER))
    program = f"""
import sys
{hidden}
import httpx2, tallystick
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=dict(id="a")))
assert tallystick.TokensApi("key", transport=transport).get_token("a").id == "a"
"""

    loaded_after(program)


def test_a_middleware_is_made_where_neither_the_server_nor_a_framework_is_installed() -> None:
    hidden = "\n".join(f"sys.modules[{name!r}] = None" for name in sorted(SERVER | {"django", "fastapi", "flask"}))
    program = f"""
import sys
{hidden}
from tallystick.integrations import asgi, wsgi
for each in (asgi, wsgi):
    each.TallystickMiddleware(print, url="http://127.0.0.1:1", token="key", open=["/healthz"])
"""

    loaded_after(program)


def test_every_promised_name_is_there_and_every_name_there_is_promised() -> None:
    assert sorted(tallystick._HOME) == sorted(set(tallystick.__all__) - {"__version__"})
    assert tallystick.__all__ == sorted(tallystick.__all__)
    for name in tallystick.__all__:
        assert getattr(tallystick, name) is not None
    assert dir(tallystick) == sorted(tallystick.__all__)


def test_a_name_that_is_not_there_is_an_ordinary_attribute_error() -> None:
    assert not hasattr(tallystick, "nothing_of_this_name")


def test_the_version_is_the_one_that_is_installed() -> None:
    assert tallystick.__version__ == metadata.version("tallystick")
