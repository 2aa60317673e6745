"""What back ends do with users: make them, say who they are, and which of their tokens count.

Tokens are verified without the database, so each node has in memory since when the tokens of such users count. The
transaction that stores it removes the refresh tokens as well; then the sockets close, and the other nodes are told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from roost.audit import Act, record
from roost.config import Admin
from roost.db.database import Database
from roost.db.schema import barred_tokens, refresh_tokens
from roost.edge.auth.accounts import check_display_name
from roost.edge.auth.passwords import Passwords
from roost.edge.auth.signing import Signed
from roost.edge.auth.tokens import NEVER, Tokens
from roost.errors import Conflict, UnknownReceiver, UserDeactivated, UserExists
from roost.flow.people.profiles import ProfileChange, Profiles
from roost.journal.contract import Author
from roost.model import ids
from roost.roster import profiles
from roost.roster.erasures import Erasure, begin_erasure, erasure_of
from roost.roster.users import Account, Users, account, change_account


class Credentials:
    """`ended(uid, user_id, since)` is called when the tokens issued before then were revoked: sockets close.

    `clock` gives milliseconds.
    """

    def __init__(
        self,
        database: Database,
        users: Users,
        tokens: Tokens,
        profiles: Profiles,
        settings: Admin,
        clock: Callable[[], int],
    ) -> None:
        self._system_user = ids.user_id(settings.system_user, "admin.system_user")
        self._database = database
        self._users = users
        self._tokens = tokens
        self._profiles = profiles
        self._passwords = Passwords()
        self._clock = clock
        self.ended: Callable[[int, str, int], None] = lambda _uid, _user_id, _since: None

    async def create(
        self, by: Author, user_id: str, display_name: str | None, password: str | None, *, bot: bool
    ) -> Account:
        """Makes a user; the same again gives the same user. Raises `UserExists` where there is another of this id."""
        check_display_name(display_name)
        password_hash = None if password is None else await self._passwords.hash(password)

        def change(tx: Connection) -> Account:
            self._users.create(tx, user_id, password_hash=password_hash, display_name=display_name, bot=bot)
            record(tx, Act("user.created", by, target=user_id))
            return find_account(tx, user_id)

        try:
            return await self._database.write(change)
        except UserExists:
            there = await self._users.account(user_id)
            if there is None or there.erased_at or (there.display_name, bool(there.bot)) != (display_name, bot):
                raise
            same = there.password_hash is None if password is None else await self._has(there, password)
            if not same:
                raise
            return there

    async def _has(self, there: Account, password: str) -> bool:
        return await self._passwords.matches(there.password_hash, password)

    async def system(self) -> Author:
        """Who the server's own messages come from. It is made the first time: a bot that nobody can log in as.

        Raises `Conflict` where a user of that id was there before.
        """
        name = self._system_user

        def change(tx: Connection) -> int:
            found = account(tx, name)
            if found is None:
                uid = self._users.create(tx, name, bot=True)
                change_account(tx, uid, deactivated_at=self._clock())
                bar(tx, uid, name, NEVER)
                return uid
            if not (found.bot and found.deactivated_at):
                raise Conflict(f"There is a user {name}; name another in the setting admin.system_user.")
            return found.uid

        uid = await self._database.write(change, lambda _: self._tokens.bar(name, NEVER))
        return Author(uid, 0, name, "")

    async def as_user(self, user_id: str) -> Author:
        """A user as a back end acts for them, on no device. Raises `UnknownReceiver`, also where it was erased."""
        found = await self._database.read(lambda connection: find_account(connection, user_id))
        if found.erased_at:
            raise UnknownReceiver(f"There is no user {user_id}.")
        return Author(found.uid, 0, user_id, "", bot=bool(found.bot))

    async def update(self, by: Author, user_id: str, changes: Mapping[str, Any]) -> Account:
        """Gives a user another `display_name`, or makes them a `bot` or none. Tokens of before stay what they are.

        Their peers are hinted that the profile is another, as by a change of their own.
        """
        check_display_name(changes.get("display_name"))

        def change(tx: Connection) -> tuple[Account, ProfileChange | None]:
            before = find_account(tx, user_id)
            after = before._replace(**changes)
            if after == before:
                return before, None
            _check_not_erased(before)
            change_account(tx, before.uid, **changes)
            record(tx, Act("user.changed", by, target=user_id, details=dict(changes)))
            shown = profiles.of(tx, [user_id])[user_id]
            return after, self._profiles.store(tx, shown, shown)

        def tell(done: tuple[Account, ProfileChange | None]) -> None:
            if done[1] is not None:
                self._profiles.tell(done[1])

        return (await self._database.write(change, tell))[0]

    async def deactivate(self, by: Author, user_id: str) -> Account:
        """No token of the user counts any more, nor its password. Again this changes nothing."""
        return await self._change("user.deactivated", by, user_id, deactivated_at=self._clock())

    async def reactivate(self, by: Author, user_id: str) -> Account:
        """The user's password counts again, and tokens that are issued from now on."""
        return await self._change("user.reactivated", by, user_id, deactivated_at=None)

    async def revoke_tokens(self, by: Author, user_id: str) -> Account:
        """Tokens of the user that were issued before now don't count any more."""
        return await self._change("user.tokens_revoked", by, user_id)

    async def set_password(self, by: Author, user_id: str, password: str | None) -> Account:
        """The user logs in with another password, or with none. Tokens issued before now don't count any more."""
        password_hash = None if password is None else await self._passwords.hash(password)
        return await self._change("user.password_set", by, user_id, password_hash=password_hash)

    async def erase(self, by: Author, user_id: str) -> Erasure:
        """Profile and credentials of a user go at once, for good; `flow.erasing` does the rest. Again: how far it is.

        Raises `UnknownReceiver`, or `Conflict` for the server's own user.
        """
        if user_id == self._system_user:
            raise Conflict("The server's own user is nobody's data.")
        now = self._clock()

        def change(tx: Connection) -> tuple[Account, Erasure, ProfileChange | None]:
            found, emptied = find_account(tx, user_id), None
            if not found.erased_at:
                change_account(
                    tx, found.uid, password_hash=None, deactivated_at=found.deactivated_at or now, erased_at=now
                )
                shown = profiles.of(tx, [user_id])[user_id]
                empty = shown._replace(display_name=None, avatar=None, status=None, presence=profiles.NOBODY)
                emptied = self._profiles.store(tx, shown, empty)
                begin_erasure(tx, found.uid, now)
                bar(tx, found.uid, user_id, NEVER)
                record(tx, Act("user.erased", by, target=user_id))
            return found, erasure_of(tx, found.uid), emptied

        def tell(done: tuple[Account, Erasure, ProfileChange | None]) -> None:
            self._tokens.bar(user_id, NEVER)
            self.ended(done[0].uid, user_id, NEVER)
            if done[2] is not None:
                self._profiles.tell(done[2])

        return (await self._database.write(change, tell))[1]

    async def sign(self, by: Author, user_id: str, device_id: str | None, ttl: int) -> Signed:
        """A token of a user, for `ttl` seconds. Raises `UnknownReceiver` or `UserDeactivated`."""

        def change(tx: Connection) -> Account:
            found = find_account(tx, user_id)
            if found.deactivated_at:
                raise UserDeactivated
            record(tx, Act("user.token_signed", by, target=user_id, details={"device": device_id, "ttl": ttl}))
            return found

        found = await self._database.write(change)
        return self._tokens.sign(user_id, device_id, ttl, bot=found.bot)

    async def _change(self, act: str, by: Author, user_id: str, **columns: Any) -> Account:
        now = self._clock()

        def change(tx: Connection) -> tuple[Account, int | None]:
            before = find_account(tx, user_id)
            asked = before._replace(**columns)
            if columns.get("deactivated_at") and before.deactivated_at:
                return before, None
            if asked == before and "deactivated_at" in columns:
                return before, None
            _check_not_erased(before)
            if columns:
                change_account(tx, before.uid, **columns)
            record(tx, Act(act, by, target=user_id))
            since = NEVER if asked.deactivated_at else now
            bar(tx, before.uid, user_id, since)
            return asked, since

        def tell(done: tuple[Account, int | None]) -> None:
            found, since = done
            if since is not None:
                self._tokens.bar(user_id, since)
                self.ended(found.uid, user_id, since)

        return (await self._database.write(change, tell))[0]


def find_account(connection: Connection, user_id: str) -> Account:
    """The account of a user. Raises `UnknownReceiver`."""
    found = account(connection, user_id)
    if found is None:
        raise UnknownReceiver(f"There is no user {user_id}.")
    return found


def _check_not_erased(found: Account) -> None:
    """Raises `Conflict`: an erased user gets nothing new."""
    if found.erased_at:
        raise Conflict(f"The data of {found.user_id} was erased; make another user.")


def bar(tx: Connection, uid: int, user_id: str, since: int) -> None:
    """Of a user's tokens only those issued since then count (milliseconds); no refresh token is left."""
    mine = barred_tokens.c.user_id == user_id
    if tx.execute(select(barred_tokens.c.since).where(mine)).first() is None:
        tx.execute(insert(barred_tokens).values(user_id=user_id, since=since))
    else:
        tx.execute(update(barred_tokens).where(mine).values(since=since))
    tx.execute(delete(refresh_tokens).where(refresh_tokens.c.uid == uid))
