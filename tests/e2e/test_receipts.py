"""Receipts outlive the processes that waited for them: each says again what the answer said, in whatever process."""

from pathlib import Path

from tallystick import TokensApi
from tallystick.testing import running_server

TOKENS = 12


def test_what_the_answers_said_is_still_said_after_a_restart(tmp_path: Path) -> None:
    with running_server(workers=2, directory=tmp_path) as server:
        receipts = []
        for _ in range(TOKENS):
            with TokensApi("", url=server.url) as api:
                issued = api.create_token(username=server["USER_LOGIN"], password=server["USER_PASSWORD"])
            # A new connection each: whichever worker it falls to.
            with TokensApi(issued.secret, url=server.url) as api:
                receipts.append(api.revoke_token_current())
    with running_server(directory=tmp_path) as server, TokensApi(server["USER_TOKEN"], url=server.url) as api:
        again = [api.get_receipt(each.seq) for each in receipts if each is not None]

    assert [(each.seq, each.verifiers, each.waited_ms) for each in again] == [
        (each.seq, each.verifiers, each.waited_ms) for each in receipts if each is not None
    ]
    assert len(again) == TOKENS
    assert all(each.heard_at is not None and each.created_at <= each.heard_at for each in again)
