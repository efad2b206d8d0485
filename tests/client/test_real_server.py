"""The clients and a real Tallystick server: people, services and tokens, from one end to the other."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

import tallystick
from tallystick import Changed, Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from tallystick.testing import RunningServer, running_server
from tests.client.conftest import awaited

PASSWORD = "a long walk by the quiet river"
OTHER_PASSWORD = "seven green lanterns upstairs"

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, server: RunningServer) -> Call:
    """`call("UsersApi", lambda api: …)` as the superuser, or as whoever `token` is, or as nobody with `""`."""

    def call_sync(api: str, use: Call, token: str | None = None) -> Any:
        with getattr(tallystick, api)(server["SUPERUSER_TOKEN"] if token is None else token, url=server.url) as client:
            result = use(client)
            return list(result) if inspect.isgenerator(result) else result

    def call_async(api: str, use: Call, token: str | None = None) -> Any:
        async def main() -> Any:
            secret = server["SUPERUSER_TOKEN"] if token is None else token
            async with getattr(tallystick, f"Async{api}")(secret, url=server.url) as client:
                return await awaited(use(client))

        return asyncio.run(main())

    return call_sync if request.param == "sync" else call_async


def new_login() -> str:
    return f"{uuid4().hex}@example.com"


def test_a_person_comes_is_raised_and_leaves(call: Call, server: RunningServer) -> None:
    login = new_login()
    made = call("UsersApi", lambda api: api.create_user(login=login, name="Ada", role="engineer"))
    raised = call("UsersApi", lambda api: api.update_user(made.id, name="Ada L.", role="superuser"))
    listed = call("UsersApi", lambda api: api.list_users(server["CUSTOMER_ID"]))
    call("UsersApi", lambda api: api.delete_user(made.id))

    assert (made.login, made.name, made.role, made.customer_id) == (login, "Ada", "engineer", server["CUSTOMER_ID"])
    assert (raised.id, raised.name, raised.role) == (made.id, "Ada L.", "superuser")
    assert [user for user in listed if user.id == made.id] == [raised]
    with pytest.raises(NotFound):
        call("UsersApi", lambda api: api.get_user(made.id))


def test_a_new_user_with_a_password_takes_sudo_and_can_log_in(call: Call, server: RunningServer) -> None:
    login, proof = new_login(), {"password": server["SUPERUSER_PASSWORD"]}

    made = call("UsersApi", lambda api: api.create_user(login=login, new_password=PASSWORD, **proof))
    issued = call("TokensApi", lambda api: api.create_token(username=login, password=PASSWORD), token="")

    assert issued.user_id == made.id


def test_a_user_with_live_tokens_stays_and_the_error_names_them(call: Call, server: RunningServer) -> None:
    login, proof = new_login(), {"password": server["SUPERUSER_PASSWORD"]}
    made = call("UsersApi", lambda api: api.create_user(login=login, new_password=PASSWORD, **proof))
    issued = call("TokensApi", lambda api: api.create_token(username=login, password=PASSWORD), token="")

    with pytest.raises(Conflict) as caught:
        call("UsersApi", lambda api: api.delete_user(made.id))

    assert issued.id in f"{caught.value} {caught.value.detail}"


def test_a_new_password_ends_the_other_tokens_and_not_the_one_that_asks(call: Call, server: RunningServer) -> None:
    login, proof = new_login(), {"password": server["SUPERUSER_PASSWORD"]}
    made = call("UsersApi", lambda api: api.create_user(login=login, new_password=PASSWORD, **proof))
    kept, ended = (
        call("TokensApi", lambda api: api.create_token(username=login, password=PASSWORD), token="").secret.reveal()
        for _ in range(2)
    )

    with pytest.raises((Forbidden, Invalid)):
        call("UsersApi", lambda api: api.update_user_password("wrong", OTHER_PASSWORD), token=kept)
    changed = call(
        "UsersApi", lambda api: api.update_user_password(PASSWORD, OTHER_PASSWORD, end_other_tokens=True), token=kept
    )

    assert changed.id == made.id
    assert call("UsersApi", lambda api: api.get_current_user(), token=kept).login == login
    with pytest.raises(Unauthenticated):
        call("UsersApi", lambda api: api.get_current_user(), token=ended)


def test_a_locked_user_is_out_at_once(call: Call, server: RunningServer) -> None:
    login, proof = new_login(), {"password": server["SUPERUSER_PASSWORD"]}
    made = call("UsersApi", lambda api: api.create_user(login=login, new_password=PASSWORD, **proof))
    issued = call("TokensApi", lambda api: api.create_token(username=login, password=PASSWORD), token="")

    locked = call("UsersApi", lambda api: api.update_user(made.id, locked=True))

    assert locked.locked
    with pytest.raises(Unauthenticated):
        call("UsersApi", lambda api: api.get_current_user(), token=issued.secret.reveal())


def test_the_customer_is_read_and_renamed(call: Call, server: RunningServer) -> None:
    mine = call("UsersApi", lambda api: api.get_logged_in_customer())
    name = f"Acme {uuid4().hex}"

    renamed = call("UsersApi", lambda api: api.update_customer(mine.id, name=name))

    assert mine.id == server["CUSTOMER_ID"]
    assert renamed == call("UsersApi", lambda api: api.get_customer(mine.id))
    assert renamed.name == name


def test_an_ordinary_user_may_not_manage_people(call: Call, server: RunningServer) -> None:
    with pytest.raises(Forbidden):
        call("UsersApi", lambda api: api.create_user(login=new_login()), token=server["USER_TOKEN"])


def test_a_service_is_made_renamed_listed_and_deleted(call: Call) -> None:
    made = call("ServicesApi", lambda api: api.create_service(name="shop"))
    renamed = call("ServicesApi", lambda api: api.update_service(made.id, name="Shop & Co"))
    read = call("ServicesApi", lambda api: api.get_service(made.id))
    listed = call("ServicesApi", lambda api: api.list_services())
    call("ServicesApi", lambda api: api.delete_service(made.id))

    assert (made.name, renamed.name, renamed.id) == ("shop", "Shop & Co", made.id)
    assert read == renamed
    assert renamed in listed
    with pytest.raises(NotFound):
        call("ServicesApi", lambda api: api.get_service(made.id))


def test_services_come_page_by_page_to_the_last(call: Call, server: RunningServer) -> None:
    for name in ("one", "two", "three"):
        call("ServicesApi", lambda api, name=name: api.create_service(name=name))

    paged = call("ServicesApi", lambda api: api.iter_services(per_page=2))

    ids = [service.id for service in paged]
    assert ids == [service.id for service in call("ServicesApi", lambda api: api.list_services())]
    assert {server["SERVICE_1"], server["SERVICE_2"]} < set(ids)
    assert len(set(ids)) == len(ids) >= 5


def test_a_service_that_a_token_is_limited_to_stays(call: Call, server: RunningServer) -> None:
    made = call("ServicesApi", lambda api: api.create_service(name="busy"))
    proof = {"password": server["SUPERUSER_PASSWORD"]}
    call("TokensApi", lambda api: api.create_token(services=[made.id], **proof))

    with pytest.raises(Conflict):
        call("ServicesApi", lambda api: api.delete_service(made.id))


def test_tokens_come_one_after_the_other(call: Call, server: RunningServer) -> None:
    paged = call("TokensApi", lambda api: api.iter_tokens_customer(server["CUSTOMER_ID"]))

    assert {token.id for token in paged} == {
        token.id for token in call("TokensApi", lambda api: api.list_tokens_customer(server["CUSTOMER_ID"]))
    }


def test_a_list_of_tokens_comes_page_by_page_to_the_last(call: Call, server: RunningServer) -> None:
    proof, prefix = {"password": server["SUPERUSER_PASSWORD"]}, uuid4().hex
    made = [call("TokensApi", lambda api, n=n: api.create_token(name=f"{prefix} {n}", **proof)) for n in range(5)]

    found = call("TokensApi", lambda api: api.iter_tokens_user(search=prefix, sort="-name", limit=2))
    by_id = call("TokensApi", lambda api: api.iter_tokens_customer(server["CUSTOMER_ID"], search=made[0].id))

    assert [token.id for token in found] == [token.id for token in reversed(made)]
    assert [token.id for token in by_id] == [made[0].id]


def test_a_filter_that_the_server_cannot_read_is_invalid(call: Call) -> None:
    with pytest.raises(Invalid):
        call("TokensApi", lambda api: api.iter_tokens_user(created_before="soon"))


def test_an_automation_token_is_made_used_read_listed_and_revoked(call: Call, server: RunningServer) -> None:
    api_name, proof = "AutomationTokensApi", {"password": server["SUPERUSER_PASSWORD"]}
    wish = {"name": "deploy", "role": "engineer", "scope": "global", "services": [server["SERVICE_1"]]}

    issued = call(api_name, lambda api: api.create_automation_token(**wish, **proof))
    secret = issued.secret.reveal()
    itself = call("TokensApi", lambda api: api.get_token_current(), token=secret)
    read = call(api_name, lambda api: api.get_automation_token_id(issued.id))
    services = call(api_name, lambda api: api.get_automation_tokens_id_services(issued.id))
    listed = call(api_name, lambda api: api.iter_automation_tokens(per_page=1))
    call(api_name, lambda api: api.revoke_automation_token_id(issued.id))

    assert (issued.role, issued.services, issued.user_id) == ("engineer", (server["SERVICE_1"],), None)
    assert (itself.id, itself.user_id) == (issued.id, None)
    assert (read.id, read.role, read.services) == (issued.id, "engineer", issued.services)
    assert services == [server["SERVICE_1"]]
    assert issued.id in {token.id for token in listed}
    with pytest.raises(Unauthenticated):
        call("TokensApi", lambda api: api.get_token_current(), token=secret)


def test_a_revocation_has_a_receipt_that_can_be_read_again(call: Call, server: RunningServer) -> None:
    proof = {"username": server["USER_LOGIN"], "password": server["USER_PASSWORD"]}
    issued = call("TokensApi", lambda api: api.create_token(**proof), token="")

    receipt = call("TokensApi", lambda api: api.revoke_token(issued.id), token=server["USER_TOKEN"])
    again = call("TokensApi", lambda api: api.get_receipt(receipt.seq), token=server["USER_TOKEN"])

    assert (again.seq, again.verifiers, again.waited_ms) == (receipt.seq, receipt.verifiers, receipt.waited_ms)
    assert again.changes == (Changed("token", issued.id),)
    assert again.created_at <= again.heard_at
    with pytest.raises(NotFound):
        call("TokensApi", lambda api: api.get_receipt(receipt.seq), token=server["OTP_TOKEN"])


def test_a_persons_token_does_not_end_as_an_automation_token(call: Call, server: RunningServer) -> None:
    own = call("TokensApi", lambda api: api.get_token_current())

    with pytest.raises(NotFound):
        call("AutomationTokensApi", lambda api: api.revoke_automation_token_id(own.id))

    assert call("TokensApi", lambda api: api.get_token_current()).id == own.id


def test_automation_tokens_come_page_by_page_to_the_last(call: Call, server: RunningServer) -> None:
    api_name, proof = "AutomationTokensApi", {"password": server["SUPERUSER_PASSWORD"]}
    made = {
        call(api_name, lambda api: api.create_automation_token(name="n", role="user", **proof)).id for _ in range(3)
    }

    paged = [token.id for token in call(api_name, lambda api: api.iter_automation_tokens(per_page=2))]

    assert made <= set(paged)
    assert len(set(paged)) == len(paged)
    assert paged == [token.id for token in call(api_name, lambda api: api.list_automation_tokens())]


def test_what_an_automation_token_is_refused_is_said_in_words(call: Call, server: RunningServer) -> None:
    proof = {"password": server["SUPERUSER_PASSWORD"]}

    with pytest.raises(Invalid) as caught:
        call("AutomationTokensApi", lambda api: api.create_automation_token(name="n", role="superuser", **proof))

    assert caught.value.msg == "an automation token cannot be a superuser: use one of billing, engineer, user"


def test_an_automation_token_takes_a_token_in_sudo_and_the_error_says_what_helps(
    call: Call, server: RunningServer
) -> None:
    proof = {"username": server["SUPERUSER_LOGIN"], "password": server["SUPERUSER_PASSWORD"]}
    secret = call("TokensApi", lambda api: api.create_token(**proof), token="").secret.reveal()

    with pytest.raises(Forbidden) as caught:
        call("AutomationTokensApi", lambda api: api.create_automation_token(name="n", role="user"), token=secret)

    assert caught.value.msg == "You must POST /sudo to access this endpoint"
    assert caught.value.detail == "Pass the password too, and the token is raised first."


def test_more_automation_tokens_than_a_page_holds_are_all_listed_once(call: Call, server: RunningServer) -> None:
    proof = {"password": server["SUPERUSER_PASSWORD"]}
    call("TokensApi", lambda api: api.create_token(**proof))  # which raises it, for all that follow
    api_name, before = "AutomationTokensApi", call("AutomationTokensApi", lambda api: api.list_automation_tokens())
    made = [
        call(api_name, lambda api, n=n: api.create_automation_token(name=f"n {n}", role="user")).id for n in range(101)
    ]

    listed = call(api_name, lambda api: api.list_automation_tokens())
    call("TokensApi", lambda api: api.bulk_revoke_tokens(made))
    after = call(api_name, lambda api: api.list_automation_tokens())

    assert [token.id for token in listed] == [token.id for token in before] + sorted(made, key=made.index)
    assert after == before


# Revoking by rule, and who did what: as a superuser whose own token a rule must spare.


@pytest.fixture
def asking(call: Call, server: RunningServer) -> str:
    """The secret of a new token of the superuser."""
    proof = {"username": server["SUPERUSER_LOGIN"], "password": server["SUPERUSER_PASSWORD"]}
    secret: str = call("TokensApi", lambda api: api.create_token(name="asking", **proof), token="").secret.reveal()
    return secret


def some_tokens(call: Call, server: RunningServer, name: str, number: int) -> list[Any]:
    proof = {"username": server["USER_LOGIN"], "password": server["USER_PASSWORD"]}
    return [call("TokensApi", lambda api: api.create_token(name=name, **proof), token="") for _ in range(number)]


def test_what_a_rule_finds_is_counted_then_revoked_but_for_who_asks(
    call: Call, server: RunningServer, asking: str
) -> None:
    name, proof = uuid4().hex, {"password": server["SUPERUSER_PASSWORD"]}
    made = some_tokens(call, server, name, 3)
    me = call("TokensApi", lambda api: api.get_token_current(), token=asking)
    rule = {"search": name, "created_after": me.created_at - timedelta(days=1), "reason": "superseded"}

    would = call("TokensApi", lambda api: api.revoke_matching(**rule, dry_run=True, **proof), token=asking)
    still = call("TokensApi", lambda api: api.get_token_current(), token=made[0].secret.reveal())
    did = call("TokensApi", lambda api: api.revoke_matching(**rule, dry_run=False), token=asking)
    mine = call("TokensApi", lambda api: api.revoke_matching(search=me.id, reason="superseded", dry_run=False), asking)

    assert (would.count, would.dry_run, would.reason, still.id) == (3, True, "superseded", made[0].id)
    assert {token.id for token in would.sample} == {token.id for token in did.sample} == {token.id for token in made}
    assert (did.count, did.dry_run, mine.count) == (3, False, 0)
    assert call("TokensApi", lambda api: api.get_token_current(), token=asking).id == me.id
    for issued in made:
        with pytest.raises(Unauthenticated):
            call("TokensApi", lambda api: api.get_token_current(), token=issued.secret.reveal())


def test_a_rule_takes_sudo_a_superuser_and_a_filter(call: Call, server: RunningServer, asking: str) -> None:
    rule = {"search": uuid4().hex, "reason": "superseded", "dry_run": True}

    with pytest.raises(Forbidden, match="POST /sudo"):
        call("TokensApi", lambda api: api.revoke_matching(**rule), token=asking)
    with pytest.raises(Forbidden, match="Only a superuser"):
        call("TokensApi", lambda api: api.revoke_matching(**rule), token=server["USER_TOKEN"])
    with pytest.raises(Invalid, match="at least one filter"):
        call("TokensApi", lambda api: api.revoke_matching(reason="superseded", dry_run=True), token=asking)
    with pytest.raises(Invalid):
        call("TokensApi", lambda api: api.revoke_matching(**{**rule, "reason": "stolen"}), token=asking)


def test_events_say_who_did_what_page_by_page_to_the_last(call: Call, server: RunningServer, asking: str) -> None:
    name, proof = uuid4().hex, {"password": server["SUPERUSER_PASSWORD"]}
    made = some_tokens(call, server, name, 5)
    me = call("TokensApi", lambda api: api.get_token_current(), token=asking)
    rule = {"search": name, "reason": "key_compromise", "dry_run": False}
    call("TokensApi", lambda api: api.revoke_matching(**rule, **proof), token=asking)

    told = call("EventsApi", lambda api: api.iter_events(token_id=me.id, action="token.revoke", limit=2))
    life = call("EventsApi", lambda api: api.iter_events(target_id=made[0].id))

    assert {event.target_id for event in told} == {issued.id for issued in made}
    assert len(told) == 5
    assert {(event.action, event.reason, event.user_id) for event in told} == {
        ("token.revoke", "key_compromise", me.user_id)
    }
    assert [event.action for event in life] == ["token.revoke", "token.create"]
    assert (life[0].before["name"], life[0].after) == (name, None)


def test_only_superusers_read_events(call: Call, server: RunningServer) -> None:
    with pytest.raises(Forbidden):
        call("EventsApi", lambda api: api.iter_events(), token=server["USER_TOKEN"])
