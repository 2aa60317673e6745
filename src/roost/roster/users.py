"""Users and their devices. Ids are text on the wire and integers inside; the pair never changes once made."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from roost.db.database import Database
from roost.db.rows import made_key
from roost.db.schema import devices, users
from roost.errors import UserExists

CACHED = 50_000
"""Identities kept in memory (some 300 bytes each)."""
BEHIND_ALL = "~"
"""A character that comes after all that user ids are made of."""


class Identity(NamedTuple):
    """A user on a device, as the database knows them."""

    uid: int
    did: int


KNOWN = (
    select(users.c.uid, devices.c.did)
    .select_from(users.join(devices, devices.c.uid == users.c.uid))
    .where(users.c.user_id == bindparam("user_id"), devices.c.device_id == bindparam("device_id"))
)
UID = select(users.c.uid).where(users.c.user_id == bindparam("user_id"))
DID = select(devices.c.did).where(devices.c.uid == bindparam("uid"), devices.c.device_id == bindparam("device_id"))


class Account(NamedTuple):
    """What logging in needs to know of a user. `password_hash` is None for users of a host application."""

    uid: int
    user_id: str
    display_name: str | None
    password_hash: str | None
    created_at: int
    bot: bool
    deactivated_at: int | None
    erased_at: int | None


_ACCOUNT = tuple(users.c[name] for name in Account._fields)


class Users:
    """Finds and makes users and devices."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], Identity] = OrderedDict()

    async def identify(self, user_id: str, device_id: str, told: Identity | None = None) -> Identity:
        """The integers of a user on a device. Who is not known yet is made: the token was valid (CONTRACT §1).

        `told`: what a sync state says they are; they never change, so the database need not be asked.
        """
        names = (user_id, device_id)
        if (identity := self._known.get(names)) is not None:
            self._known.move_to_end(names)
            return identity
        identity = told or await self._database.read(lambda connection: _find(connection, user_id, device_id))
        if identity is None:
            identity = await self._database.write(lambda connection: self._ensure(connection, user_id, device_id))
        self._known[names] = identity
        if len(self._known) > CACHED:
            self._known.popitem(last=False)
        return identity

    async def device_of(self, uid: int, device_id: str) -> int | None:
        """A user's device; None if there is no such."""
        query = {"uid": uid, "device_id": device_id}
        return await self._database.read(lambda connection: connection.execute(DID, query).scalar())

    def _ensure(self, connection: Connection, user_id: str, device_id: str) -> Identity:
        uid = connection.execute(UID, {"user_id": user_id}).scalar()
        if uid is None:
            uid = self._make(connection, user_id=user_id)
        did = connection.execute(DID, {"uid": uid, "device_id": device_id}).scalar()
        if did is None:
            row = insert(devices).values(uid=uid, device_id=device_id, created_at=self._clock(), last_seen=0)
            did = made_key(connection, row)
        return Identity(uid, did)

    def create(
        self,
        connection: Connection,
        user_id: str,
        *,
        password_hash: str | None = None,
        display_name: str | None = None,
        bot: bool = False,
    ) -> int:
        """Makes a user in the caller's write transaction; returns its uid. Raises `UserExists`."""
        if connection.execute(UID, {"user_id": user_id}).scalar() is not None:
            raise UserExists(f"The user id {user_id} is taken.")
        return self._make(connection, user_id=user_id, password_hash=password_hash, display_name=display_name, bot=bot)

    def _make(self, connection: Connection, **columns: str | bool | None) -> int:
        return made_key(connection, insert(users).values(created_at=self._clock(), **columns))

    async def account(self, user_id: str) -> Account | None:
        """The account of a user id, if there is one."""
        return await self._database.read(lambda connection: account(connection, user_id))

    async def last_seen(self, user_ids: list[str]) -> dict[str, int]:
        """When these users were last here on any device (milliseconds), where they ever were."""
        query = (
            select(users.c.user_id, func.max(devices.c.last_seen))
            .select_from(users.join(devices, devices.c.uid == users.c.uid))
            .where(users.c.user_id.in_(user_ids), devices.c.last_seen > 0)
            .group_by(users.c.user_id)
        )

        def find(connection: Connection) -> dict[str, int]:
            return {row[0]: row[1] for row in connection.execute(query)}

        return await self._database.read(find)

    async def seen(self, dids: Collection[int]) -> None:
        """Notes that these devices were here now."""
        change = update(devices).where(devices.c.did.in_(list(dids))).values(last_seen=self._clock())

        def note(connection: Connection) -> None:
            connection.execute(change)

        await self._database.write(note)


def _find(connection: Connection, user_id: str, device_id: str) -> Identity | None:
    row = connection.execute(KNOWN, {"user_id": user_id, "device_id": device_id}).first()
    return Identity(*row) if row else None


def account(connection: Connection, user_id: str) -> Account | None:
    """The account of a user id, if there is one."""
    row = connection.execute(select(*_ACCOUNT).where(users.c.user_id == user_id)).first()
    return Account(*row) if row else None


def accounts_after(connection: Connection, uid: int, count: int) -> list[Account]:
    """At most `count` accounts of users made after the user `uid`, in the order of making."""
    query = select(*_ACCOUNT).where(users.c.uid > uid).order_by(users.c.uid).limit(count)
    return [Account(*row) for row in connection.execute(query)]


def accounts_named(connection: Connection, prefix: str, after: str, count: int) -> list[Account]:
    """At most `count` accounts whose user ids begin with `prefix` and come behind `after`, by code points."""
    name = users.c.user_id.collate("C") if connection.dialect.name == "postgresql" else users.c.user_id
    query = select(*_ACCOUNT).where(name > after, name >= prefix, name < prefix + BEHIND_ALL)
    return [Account(*row) for row in connection.execute(query.order_by(name).limit(count))]


def change_account(connection: Connection, uid: int, **columns: str | int | bool | None) -> None:
    """Stores columns of `Account` anew."""
    connection.execute(update(users).where(users.c.uid == uid).values(**columns))


def uids_of(connection: Connection, user_ids: list[str], *, erased: bool = True) -> dict[str, int]:
    """Those of the users that exist; without `erased` only those whose data was not erased."""
    query = select(users.c.user_id, users.c.uid).where(users.c.user_id.in_(user_ids))
    if not erased:
        query = query.where(users.c.erased_at.is_(None))
    return {row.user_id: row.uid for row in connection.execute(query)}
