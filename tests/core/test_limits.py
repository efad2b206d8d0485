"""A token's own limits: what each refuses, and which are narrower than others."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tallystick.core.errors import Invalid, Unprocessable
from tallystick.core.limits import COUNT_MAX, Asked, Limit, Limits, checked, enforced, is_within, refusing

NOW = 1_770_000_000_000
HERE = Asked("192.0.2.7", "GET", "/orders/7")


def kept(**limits: Any) -> Limits:
    found = checked(Limits(**limits), expires_at=None)
    assert found is not None
    return found


# Networks


@pytest.mark.parametrize(
    "network, ip",
    [
        ("192.0.2.0/24", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8::/32", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8:0:0::1"),
        ("::/0", "2001:db8::1"),
    ],
)
def test_an_address_in_one_of_the_networks_is_let_in(network: str, ip: str) -> None:
    assert refusing(kept(networks=("10.0.0.0/8", network)), Asked(ip), NOW) == []


@pytest.mark.parametrize(
    "ip", [None, "", "192.0.3.1", "2001:db8::1", "::1", "nonsense", "192.0.2.7:80", "192.0.2.7%eth0"]
)
def test_another_address_and_one_that_nobody_knows_are_not(ip: str | None) -> None:
    assert refusing(kept(networks=("192.0.2.0/24",)), Asked(ip), NOW) == [Limit.NETWORKS]


def test_an_ipv4_address_is_in_no_network_of_ipv6() -> None:
    assert refusing(kept(networks=("::/0",)), Asked("192.0.2.7"), NOW) == [Limit.NETWORKS]


@pytest.mark.parametrize(
    "text, said",
    [
        ("here", "is no network"),
        ("192.0.2.0/33", "is no network"),
        ("", "is no network"),
        ("192.0.2.1/24", "write 192.0.2.0/24"),
        ("::ffff:192.0.2.0/120", "write it as one"),
        ("fe80::1%eth0", "is no network"),
    ],
)
def test_what_is_no_network_is_refused(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        checked(Limits(networks=(text,)), expires_at=None)


# The others


def test_a_token_holds_from_its_first_instant_on() -> None:
    limits = kept(not_before=NOW)

    assert refusing(limits, HERE, NOW - 1) == [Limit.NOT_BEFORE]
    assert refusing(limits, HERE, NOW) == []


def test_rules_are_for_requests_and_what_is_not_known_is_none() -> None:
    limits = kept(rules=("GET /orders/*", "POST api.example.com/**"))

    assert refusing(limits, HERE, NOW) == []
    assert refusing(limits, replace(HERE, method="POST", host="api.example.com"), NOW) == []
    for asked in (
        replace(HERE, method="POST"),
        replace(HERE, uri="/orders"),
        replace(HERE, uri="/orders/../admin"),
        replace(HERE, uri=None),
        replace(HERE, method=None),
    ):
        assert refusing(limits, asked, NOW) == [Limit.RULES]
    assert refusing(limits, Asked(None, about_itself=True), NOW) == []


def test_what_only_reports_is_told_of_and_does_not_refuse() -> None:
    limits = kept(networks=("10.0.0.0/8",), rules=("GET /a",), shadow=(Limit.NETWORKS,))

    assert refusing(limits, HERE, NOW) == [Limit.NETWORKS, Limit.RULES]
    assert enforced(limits, HERE, NOW) is Limit.RULES
    assert enforced(replace(limits, shadow=(Limit.NETWORKS, Limit.RULES)), HERE, NOW) is None


@pytest.mark.parametrize("name", ["per_second", "per_minute", "per_day", "uses"])
@pytest.mark.parametrize("size", [0, -1, COUNT_MAX + 1])
def test_a_number_is_from_1_to_a_thousand_millions(name: str, size: int) -> None:
    with pytest.raises(Invalid, match=f"{name} must be from 1"):
        checked(replace(Limits(), **{name: size}), expires_at=None)


def test_a_shadow_of_nothing_is_a_mistake() -> None:
    with pytest.raises(Invalid, match="shadow names limits that are not there: uses"):
        checked(Limits(networks=("::1",), shadow=(Limit.USES,)), expires_at=None)


def test_a_token_does_not_end_before_it_begins() -> None:
    with pytest.raises(Unprocessable, match="not_before must be before expires_at"):
        checked(Limits(not_before=NOW), expires_at=NOW)


def test_there_are_at_most_a_hundred_networks_and_rules_each() -> None:
    with pytest.raises(Invalid, match="at most 100 networks"):
        checked(Limits(networks=tuple(f"10.0.0.{n}" for n in range(101))), expires_at=None)
    with pytest.raises(Invalid, match="at most 100 rules"):
        checked(Limits(rules=tuple(f"GET /{n}" for n in range(101))), expires_at=None)


def test_a_secret_is_no_part_of_a_rule() -> None:
    with pytest.raises(Invalid, match="hold the secret of a token"):
        checked(Limits(rules=("GET /tly_" + "x" * 38,)), expires_at=None)


def test_no_limits_are_none_and_each_is_kept_once() -> None:
    assert checked(Limits(), expires_at=None) is None
    assert kept(networks=("192.0.2.1", " 192.0.2.1/32 ")).networks == ("192.0.2.1/32",)


# Which is narrower


@pytest.mark.parametrize(
    "wanted, own",
    [
        ({"networks": ("192.0.2.0/25",)}, {"networks": ("192.0.2.0/24", "::/0")}),
        ({"networks": ("192.0.2.0/24", "2001:db8::/32")}, {"networks": ("::/0", "192.0.0.0/16")}),
        ({"not_before": 2}, {"not_before": 1}),
        ({"rules": ("GET /a",)}, {"rules": ("GET /b", "GET /a")}),
        ({"per_second": 1}, {"per_second": 2}),
        ({"uses": 2}, {"uses": 2}),
        ({"uses": 2, "per_day": 1}, {"uses": 2}),
        ({"uses": 2}, {}),
        ({}, {"uses": 2, "shadow": (Limit.USES,)}),
    ],
)
def test_these_let_nothing_in_that_those_do_not(wanted: dict[str, Any], own: dict[str, Any]) -> None:
    assert is_within(Limits(**wanted), Limits(**own))


@pytest.mark.parametrize(
    "wanted, own",
    [
        ({}, {"networks": ("192.0.2.0/24",)}),
        ({"networks": ("192.0.2.0/23",)}, {"networks": ("192.0.2.0/24",)}),
        ({"networks": ("::/0",)}, {"networks": ("0.0.0.0/0",)}),
        ({"not_before": 1}, {"not_before": 2}),
        ({}, {"not_before": 2}),
        ({"rules": ("GET /a", "GET /c")}, {"rules": ("GET /b", "GET /a")}),
        ({"per_second": 3}, {"per_second": 2}),
        ({"per_minute": 1}, {"per_second": 2}),
        ({"uses": 3}, {"uses": 2}),
        ({"uses": 1, "shadow": (Limit.USES,)}, {"uses": 2}),
    ],
)
def test_these_let_more_in(wanted: dict[str, Any], own: dict[str, Any]) -> None:
    assert not is_within(Limits(**wanted), Limits(**own))


def test_no_limits_are_within_none() -> None:
    assert is_within(None, None)
    assert is_within(Limits(uses=1), None)
    assert not is_within(None, Limits(uses=1))


@pytest.mark.parametrize("kept", [b'{"uses":1,"moon":"full"}', b'{"shadow":["moon"]}'])
def test_a_kind_of_limit_that_is_not_known_is_not_passed_over(kept: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="moon"):
        msgspec.json.decode(kept, type=Limits)
