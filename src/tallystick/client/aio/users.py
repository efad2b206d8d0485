"""The API of users and their customer for programs that run in an asyncio loop."""

from tallystick.client import _people
from tallystick.client.aio._api import AsyncApi
from tallystick.client.models import Customer, User


class AsyncUsersApi(AsyncApi):
    """`UsersApi` with `await` before every method.

    Arguments, results and errors are the same.  One client may be used by many tasks of one loop.
    """

    async def create_user(
        self,
        *,
        login: str,
        name: str | None = None,
        role: str | None = None,
        new_password: str | None = None,
        password: str | None = None,
        otp: str | None = None,
    ) -> User:
        """See `UsersApi.create_user`."""
        return await self._run(
            _people.create_user(
                self._line,
                login=login,
                name=name,
                role=role,
                new_password=new_password,
                password=password,
                otp=otp,
            )
        )

    async def delete_user(self, user_id: str) -> None:
        """See `UsersApi.delete_user`."""
        return await self._run(_people.delete_user(self._line, user_id))

    async def get_current_user(self) -> User:
        """See `UsersApi.get_current_user`."""
        return await self._run(_people.get_current_user(self._line))

    async def get_customer(self, customer_id: str) -> Customer:
        """See `UsersApi.get_customer`."""
        return await self._run(_people.get_customer(self._line, customer_id))

    async def get_logged_in_customer(self) -> Customer:
        """See `UsersApi.get_logged_in_customer`."""
        return await self._run(_people.get_logged_in_customer(self._line))

    async def get_user(self, user_id: str) -> User:
        """See `UsersApi.get_user`."""
        return await self._run(_people.get_user(self._line, user_id))

    async def list_users(self, customer_id: str) -> list[User]:
        """See `UsersApi.list_users`."""
        return await self._run(_people.list_users(self._line, customer_id))

    async def update_customer(self, customer_id: str, *, name: str) -> Customer:
        """See `UsersApi.update_customer`."""
        return await self._run(_people.update_customer(self._line, customer_id, name=name))

    async def update_user(
        self,
        user_id: str,
        *,
        name: str | None = None,
        login: str | None = None,
        role: str | None = None,
        locked: bool | None = None,
    ) -> User:
        """See `UsersApi.update_user`."""
        return await self._run(
            _people.update_user(self._line, user_id, name=name, login=login, role=role, locked=locked)
        )

    async def update_user_password(
        self, old: str, new: str, *, otp: str | None = None, end_other_tokens: bool = False
    ) -> User:
        """See `UsersApi.update_user_password`."""
        return await self._run(
            _people.update_user_password(self._line, old, new, otp=otp, end_other_tokens=end_other_tokens)
        )
