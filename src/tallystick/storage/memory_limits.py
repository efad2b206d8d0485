"""Limits of the memory store."""

from collections.abc import Sequence

from msgspec.structs import replace

from tallystick.core import events
from tallystick.core.caller import Reach
from tallystick.core.events import Origin
from tallystick.core.limits import Limits
from tallystick.core.shadow import KINDS_MAX, OTHERS, Shadowed, by_count, together
from tallystick.storage.memory_people import MemoryDirectory, Write
from tallystick.storage.text import readable


class MemoryLimits:
    """`admission.LimitStore`."""

    def __init__(self, people: MemoryDirectory, write: Write) -> None:
        self._people = people
        self._write = write

    async def limit(
        self, token_id: str, limits: Limits | None, *, instead_of: Limits | None, reach: Reach, by: Origin
    ) -> bool:
        self._people.require_standing(by)
        before = self._people.tokens.get(token_id)
        if before is None or before.revoked_at is not None or before.limits != instead_of or not reach.covers(before):
            return False
        after = self._people.tokens[token_id] = replace(before, limits=limits)
        self._people.shadows.pop(token_id, None)
        self._write(events.changed(before, after, by, action="limit"))
        return True

    async def spend(self, token_id: str) -> int:
        self._people.spent[token_id] += 1
        return self._people.spent[token_id]

    async def spent(self, token_id: str) -> int:
        return self._people.spent[token_id]

    async def report(self, refused: Sequence[Shadowed]) -> None:
        known = {token_id: len(kinds) for token_id, kinds in self._people.shadows.items()}
        for each in refused:
            if each.token_id not in self._people.tokens:
                continue
            kinds = self._people.shadows.setdefault(each.token_id, {})
            has_room = known.get(each.token_id, 0) < KINDS_MAX
            one = replace(
                each, ip=readable(each.ip), user_agent=readable(each.user_agent), detail=readable(each.detail) or ""
            )
            if not has_room and (one.limit, one.detail) not in kinds:
                one = replace(one, detail=OTHERS)
            before = kinds.get((one.limit, one.detail))
            kinds[one.limit, one.detail] = one if before is None else together(before, one)

    async def reported(self, token_id: str) -> list[Shadowed]:
        return by_count(self._people.shadows.get(token_id, {}).values())
