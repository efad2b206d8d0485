"""The operator's file of scopes: what is wrong with it is one line that says where; what is in it counts for everybody."""

from pathlib import Path
from typing import Any

import pytest

from tallystick.cli import scope_file
from tallystick.core.errors import Invalid
from tallystick.core.people import Role
from tallystick.core.scopes import Defined
from tests.cli.program import CHEAP, running, tallystick
from tests.cli.test_serve import PASSWORD, home, refused

__all__ = ["home"]
GOOD = """\
# What our tokens are for.
[scopes."orders:read"]
description = "Read orders"
roles = ["user", "superuser"]

[scopes."orders:write"]
includes = ["orders:read"]
"""
LOGIN = {"username": "ada@example.com", "password": PASSWORD}


def written(home: Path, text: str) -> Path:
    path = home / "scopes.toml"
    path.write_text(text)
    return path


def test_a_file_is_read_by_name(tmp_path: Path) -> None:
    assert scope_file.read(written(tmp_path, GOOD)) == (
        Defined(name="orders:read", description="Read orders", roles=(Role.USER,)),
        Defined(name="orders:write", includes=("orders:read",)),
    )
    assert scope_file.read(written(tmp_path, "")) == ()


@pytest.mark.parametrize(
    "text, where, said",
    [
        (GOOD.replace("orders:write", "global:write"), ", line 6", "is kept for scopes that are built in"),
        (GOOD.replace("orders:write", "Write"), ", line 6", "such as orders:read"),
        (GOOD.replace('["orders:read"]', '["orders:reed"]'), ", line 6", "define that first"),
        (GOOD.replace('["orders:read"]', '["global"]'), ", line 6", "what is built in cannot be included"),
        (GOOD.replace("roles", 'includes = ["orders:write"]\nroles'), ", line 2", "take one of these out"),
        (GOOD.replace("roles", "role"), ", line 2", "there are description, includes and roles"),
        (GOOD.replace('"user", ', '"king", '), ", line 2", "king"),
        (GOOD.replace('["orders:read"]', '"orders:read"'), ", line 6", "Expected `array`"),
        ('scopes."a:b" = 1\n', ", line 1", "Expected `object`"),
        ('[scopes]\n"a:b" = {include = []}\n', ", line 2", "unknown field"),
        ("scopes = 1\n", "", "holds no tables"),
        ('[scope."a:b"]\n', "", "'scope' is not understood"),
        (GOOD + "x\n", "", "line 8"),
    ],
)
def test_what_is_wrong_is_said_with_the_line_and_what_to_do(tmp_path: Path, text: str, where: str, said: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(Invalid) as caught:
        scope_file.read(path)

    assert str(caught.value).startswith(f"{path}{where}")
    assert said in str(caught.value)


def test_a_file_that_is_wrong_or_not_there_keeps_a_server_from_starting(home: Path) -> None:
    path = written(home, GOOD.replace("orders:write", "verify:all"))

    assert refused("--scopes", str(path), cwd=home).startswith(f"{path}, line 6: verify:all: ")
    assert refused("--scopes", "none.toml", cwd=home) == "none.toml cannot be read: No such file or directory"


def test_it_counts_for_all_until_another_is_read_and_an_empty_one_gives_it_back(home: Path) -> None:
    path = written(home, GOOD)

    def served(*options: str) -> Any:
        with running("serve", "--port", "0", *CHEAP, *options, cwd=home) as server:
            form = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in LOGIN.items())
            made = server.ask("POST", "/tokens", form=form)
            return server.get("/scopes", made["access_token"])

    first = served("--scopes", str(path))
    without = served()
    written(home, "")
    last = served("--scopes", str(path))

    assert first["by_file"] is without["by_file"] is True
    assert [each["name"] for each in first["scopes"]][5:] == ["orders:read", "orders:write"]
    assert without == first, "who starts without it takes nothing away"
    assert (last["by_file"], len(last["scopes"])) == (False, 5)
    told = tallystick("admin", *CHEAP, "events", cwd=home).stdout
    assert told.count("catalogue.update") == 2
