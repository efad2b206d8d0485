"""The API of users and their customer for programs that wait for their answers."""

from tallystick.client import _people
from tallystick.client.models import Customer, User
from tallystick.client.sync._api import Api


class UsersApi(Api):
    """People and the customer that they belong to, against a Tallystick server or Fastly itself.

        with UsersApi(url="https://tokens.example.com") as api:
            user = api.create_user(login="ada@example.com", name="Ada", role="engineer")

    Made and closed like `TokensApi`, with the same arguments and the same errors.
    """

    def create_user(
        self,
        *,
        login: str,
        name: str | None = None,
        role: str | None = None,
        new_password: str | None = None,
        password: str | None = None,
        otp: str | None = None,
    ) -> User:
        """Create a user, as a superuser.

        `role`: `user` (if None), `billing`, `engineer` or `superuser`.  `new_password`: what the new user logs in with,
        which takes a token in sudo, and which Fastly does not know; without one somebody has to set it later.  `password`,
        `otp`: one's own, to raise the token of this client first, as for `TokensApi.create_token`.
        """
        return self._run(
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

    def delete_user(self, user_id: str) -> None:
        """Delete a user, as a superuser.  `Conflict` while live tokens of theirs are left, or no superuser would be."""
        return self._run(_people.delete_user(self._line, user_id))

    def get_current_user(self) -> User:
        """The user that this client speaks for."""
        return self._run(_people.get_current_user(self._line))

    def get_customer(self, customer_id: str) -> Customer:
        """A customer by id: one's own."""
        return self._run(_people.get_customer(self._line, customer_id))

    def get_logged_in_customer(self) -> Customer:
        """The customer that the token of this client belongs to."""
        return self._run(_people.get_logged_in_customer(self._line))

    def get_user(self, user_id: str) -> User:
        """A user by id: oneself, or, for superusers, one of the same customer."""
        return self._run(_people.get_user(self._line, user_id))

    def list_users(self, customer_id: str) -> list[User]:
        """The users of a customer, for its superusers."""
        return self._run(_people.list_users(self._line, customer_id))

    def update_customer(self, customer_id: str, *, name: str) -> Customer:
        """Rename a customer, as one of its superusers."""
        return self._run(_people.update_customer(self._line, customer_id, name=name))

    def update_user(
        self,
        user_id: str,
        *,
        name: str | None = None,
        login: str | None = None,
        role: str | None = None,
        locked: bool | None = None,
    ) -> User:
        """Change a user: one's own name and login, or, as a superuser, anybody's, and role and lock too.

        What is None stays.  It reaches the tokens of the user at once.
        """
        return self._run(_people.update_user(self._line, user_id, name=name, login=login, role=role, locked=locked))

    def update_user_password(
        self, old: str, new: str, *, otp: str | None = None, end_other_tokens: bool = False
    ) -> User:
        """Change one's own password.  `otp`: a current code of those who have two-factor authentication.

        `end_other_tokens`: end all tokens of this user but the one that this client speaks with, at the same moment; a
        Tallystick server's own.  Fastly documents Basic authentication for a new password, which is not sent: it may refuse.

        It is never sent twice on its own: after `Unavailable` one of the two passwords is good.
        """
        return self._run(_people.update_user_password(self._line, old, new, otp=otp, end_other_tokens=end_other_tokens))
