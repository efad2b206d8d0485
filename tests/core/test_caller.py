"""Whose tokens a caller reaches: their own, or, as a superuser, the customer's; never another customer's."""

import pytest

from tallystick.core.caller import Reach, require_superuser_of, require_unlimited
from tallystick.core.errors import Forbidden
from tallystick.core.people import Credentials, Role, normal_login
from tests.core.world import ACME, ANNA, BERT, OTHER, ROOT, SHOP, STRANGER, caller, token, user


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SUPERUSER])
def test_only_a_superuser_reaches_others(role: Role) -> None:
    someone = user("someone", role)

    assert caller(someone).reach == Reach(ACME.id, someone.id)
    assert not caller(someone).is_superuser


@pytest.mark.parametrize(
    "who, whose, reached",
    [
        (ANNA, ANNA, True),
        (ANNA, BERT, False),
        (ANNA, ROOT, False),
        (ROOT, ANNA, True),
        (ROOT, STRANGER, False),
        (STRANGER, ANNA, False),
    ],
)
def test_reach_covers_what_it_names(who: object, whose: object, reached: bool) -> None:
    assert caller(who).reach.covers(token(whose)) is reached  # type: ignore[arg-type]  # users, as the table says


def test_a_superuser_may_read_their_customers_tokens() -> None:
    require_superuser_of(caller(ROOT), ACME.id)
    require_superuser_of(caller(ROOT, "global:read"), ACME.id)


@pytest.mark.parametrize("customer_id", [ACME.id, OTHER.id, "nothing"])
def test_an_ordinary_user_gets_one_sentence_for_every_customer(customer_id: str) -> None:
    with pytest.raises(Forbidden) as caught:
        require_superuser_of(caller(ANNA), customer_id)

    assert str(caught.value) == "Only a superuser of this customer may access this endpoint"


def test_a_superuser_gets_the_same_sentence_for_a_foreign_and_for_an_unknown_customer() -> None:
    sentences = set()
    for customer_id in (OTHER.id, "nothing"):
        with pytest.raises(Forbidden) as caught:
            require_superuser_of(caller(ROOT), customer_id)
        sentences.add(str(caught.value))

    assert len(sentences) == 1


def test_a_superusers_purge_token_may_not_read_the_customers_tokens() -> None:
    with pytest.raises(Forbidden, match="it takes global"):
        require_superuser_of(caller(ROOT, "purge_all"), ACME.id)


def test_a_token_limited_to_services_is_closed_out_of_what_describes_people() -> None:
    require_unlimited(caller(ANNA))

    with pytest.raises(Forbidden, match="limited to services"):
        require_unlimited(caller(ANNA, services=(SHOP.id,)))


def test_a_login_is_one_whatever_its_case_and_the_spaces_around_it() -> None:
    assert normal_login("  Anna@Example.COM ") == normal_login("anna@example.com")


def test_what_proves_a_user_never_prints() -> None:
    shown = repr(Credentials(user_id="u1", password_hash="$argon2id$…", totp_sealed=b"sealed"))

    assert shown == "Credentials(user_id='u1', …)"
