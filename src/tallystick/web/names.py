"""What those are called that an event is about, or behind."""

from tallystick.core.events import Event
from tallystick.core.ports import Store
from tallystick.core.secret import redacted
from tallystick.http.events import shown


class Names:
    """Each is looked up once; what is not there any more is called by its id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, str] = {}

    async def user(self, user_id: str) -> str:
        """The login."""
        if user_id not in self._known:
            user = await self._store.people.user(user_id)
            self._known[user_id] = user_id if user is None else user.login
        return self._known[user_id]

    async def target(self, event: Event) -> str:
        """What an event is about: as it says itself, or as it is called now."""
        told = shown(event)
        before, after = told.before or {}, told.after or {}
        said: str | None = after.get("name") or before.get("name") or after.get("login") or before.get("login")
        return said or await self._now(event.target_kind, event.target_id)

    async def _now(self, kind: str, target_id: str) -> str:
        if kind == "user":
            return await self.user(target_id)
        if kind == "token" and target_id not in self._known:
            token = await self._store.tokens.get(target_id)
            self._known[target_id] = target_id if token is None else redacted(token.name)
        return self._known.get(target_id, target_id)
