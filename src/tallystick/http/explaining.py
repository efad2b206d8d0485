"""`GET /explain/{request_id}`: why a request was refused, and what would have let it in.  Not Fastly's: a path of our own."""

import msgspec
from starlette.responses import Response

from tallystick.core import explain
from tallystick.core.reasons import cure_of, rule_of
from tallystick.core.rights import require_may_read_events
from tallystick.http.routes import Ask, json_answer
from tallystick.http.times import exact_stamp


class Explained(msgspec.Struct):
    """`why`: the rule in a word.  `rule`: what it says, and what came.  `cure`: what would have let the request in.

    `token_id`: of the token that came; null where it is none of this customer's, or none at all.
    """

    request_id: str
    at: str
    why: str
    rule: str
    cure: str
    token_id: str | None


async def explain_refusal(ask: Ask) -> Response:
    """Say which rule refused a request, and what would have let it in, as a superuser.

    `request_id` is what stands in `Tallystick-Refusal` of the answer, and in `X-Request-Id`, if the request had none.  It holds what is said here, so that nothing is kept of requests; whoever
    was refused cannot read it.
    """
    require_may_read_events(ask.caller)
    asked = ask.param("request_id")
    refused = explain.read(asked, seals=ask.wiring.seals)
    because = refused.because
    token = None if because.token_id is None else await ask.wiring.store.tokens.get(because.token_id)
    if token is not None and token.customer_id != ask.caller.customer_id:
        # Somebody else's: no more is said of it than of one that nobody has.
        token, because = None, because._replace(why="unknown", token_id=None, detail="")
    rule, cure = rule_of(because, token), cure_of(because)
    return json_answer(
        Explained(asked, exact_stamp(refused.at), because.why, rule, cure, None if token is None else token.id)
    )
