"""A token's own limits: what each operation sends, and how its answer is read.  No I/O."""

import re
from typing import Final, Unpack

from tallystick.client import models
from tallystick.client._flow import Flow
from tallystick.client._given import checked_id
from tallystick.client._line import Line, json
from tallystick.client._sudo import in_sudo
from tallystick.client.limits import LimitsToSet, wished
from tallystick.client.models import Explanation, TokenLimits, TokenShadow
from tallystick.core.errors import Invalid

_REFUSAL: Final = re.compile(r"[A-Za-z0-9_-]{1,1000}")


def explain_refusal(line: Line, request_id: str) -> Flow[Explanation]:
    if _REFUSAL.fullmatch(request_id) is None:
        raise Invalid(
            "This is not the id of a refusal: it stands in the header Tallystick-Refusal, and begins with ref_."
        )
    line.require_tallystick("why it refused a request")
    answer = yield from line.ask("GET", f"/explain/{request_id}")
    return models.read_explanation(answer.body)


def get_token_limits(line: Line, token_id: str) -> Flow[TokenLimits]:
    line.require_tallystick("limits of a token")
    answer = yield from line.ask("GET", _path(token_id, "limits"))
    return models.read_limits(answer.body)


def get_token_shadow(line: Line, token_id: str) -> Flow[TokenShadow]:
    line.require_tallystick("limits that only report")
    answer = yield from line.ask("GET", _path(token_id, "shadow"))
    return models.read_shadow(answer.body)


def set_token_limits(
    line: Line, token_id: str, *, password: str | None, otp: str | None, **limits: Unpack[LimitsToSet]
) -> Flow[TokenLimits]:
    line.require_tallystick("limits of a token")
    path, body = _path(token_id, "limits"), json(wished(limits))
    answer = yield from in_sudo(line, "PUT", path, body, password=password, otp=otp)
    return models.read_limits(answer.body, receipt=models.told_receipt(answer.headers))


def _path(token_id: str, what: str) -> str:
    return f"/tokens/{checked_id(token_id, 'token id')}/{what}"
