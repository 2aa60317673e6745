"""The register of push addresses: which devices are reached by push, and what the journal asks of them.

Whether a message makes pushes is asked in its own transaction, for every receiver. With SQLite the addresses of all
users are in memory, some hundred bytes each. On a database server other nodes change them as well, so they are looked
up: one statement a batch, and none where no platform is switched on. What is registered is there before the client is
told so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, delete, insert, or_, select

from roost.db.database import Database
from roost.db.rows import made_key
from roost.db.schema import push_addresses, push_outbox
from roost.push.contract import Address, Email

MOST = 100
"""Addresses of one user: phones and browsers that are no longer used keep theirs until a push service says so."""

REACHED = {
    "postgresql": "SELECT uid, aid, did, platform FROM push_addresses WHERE uid = ANY(%s)",
    "mysql": "SELECT uid, aid, did, platform FROM push_addresses WHERE uid IN %s",
}
"""The addresses of many users, by the name of the database's dialect: one parameter, a list."""

decode_address = msgspec.json.Decoder(Address).decode


class Registered(NamedTuple):
    """An address as the journal sees it."""

    aid: int
    did: int
    platform: str


class Listed(NamedTuple):
    """An address as its user sees it. Time in ms."""

    did: int
    platform: str
    preview: bool
    muted: bool
    created_at: int


class Register:
    """The addresses of all users. `platforms` are those switched on; others make no pushes.

    `shared`: other nodes change them as well, so none is remembered.
    """

    def __init__(
        self, database: Database, clock: Callable[[], int], platforms: Collection[str], *, shared: bool
    ) -> None:
        self._database = database
        self._clock = clock
        self._platforms = frozenset(platforms)
        self._shared = shared
        self._remembered: dict[int, tuple[Registered, ...]] = {}  # read in the writer's thread, tuples are replaced

    async def load(self) -> None:
        """Reads those that are to be remembered; before that nobody has any."""
        if self._shared:
            return
        query = select(push_addresses.c.uid, push_addresses.c.aid, push_addresses.c.did, push_addresses.c.platform)
        for uid, *row in await self._database.read(lambda connection: connection.execute(query).all()):
            self._add(uid, Registered(*row))

    def reached(self, connection: Connection, uids: Collection[int]) -> Mapping[int, Sequence[Registered]]:
        """Where these users are reached, those left out who are not; others may be in it. In the writer's thread."""
        if not self._shared:
            return self._remembered
        found: defaultdict[int, list[Registered]] = defaultdict(list)
        if uids and self._platforms:
            for uid, *row in connection.exec_driver_sql(REACHED[connection.dialect.name], (list(uids),)):
                registered = Registered(*row)
                if registered.platform in self._platforms:
                    found[uid].append(registered)
        return found

    async def add(self, uid: int, did: int, address: Address, *, preview: bool, muted: bool) -> None:
        """From now on this device is reached there.

        Neither is it elsewhere by the same platform, nor anybody else by that address: a phone changes hands. Only a
        mailbox may be named by many, since its name is no secret. Of too many addresses of a user the oldest goes.
        """
        text = msgspec.json.encode(address, order="deterministic").decode()
        platform = str(type(address).__struct_config__.tag)
        whole = f"{did} {text}" if isinstance(address, Email) else text
        digest = hashlib.sha256(whole.encode()).hexdigest()
        same = or_(
            push_addresses.c.address_hash == digest,
            (push_addresses.c.did == did) & (push_addresses.c.platform == platform),
        )

        def change(tx: Connection) -> tuple[list[tuple[int, int]], Registered]:
            known = tx.execute(select(push_addresses).where(same)).all()
            kept = next((row for row in known if (row.did, row.address_hash) == (did, digest)), None)
            gone = [(row.uid, row.aid) for row in known if row is not kept]
            _delete(tx, [aid for _, aid in gone])
            settings = {"preview": preview, "muted": muted}
            if kept is not None:
                tx.execute(push_addresses.update().where(push_addresses.c.aid == kept.aid).values(**settings))
                return gone, Registered(kept.aid, did, platform)
            row = insert(push_addresses).values(
                uid=uid,
                did=did,
                platform=platform,
                address=text,
                address_hash=digest,
                told=0,
                created_at=self._clock(),
                **settings,
            )
            registered = Registered(made_key(tx, row), did, platform)
            beyond = select(push_addresses.c.aid).where(push_addresses.c.uid == uid)
            oldest = list(tx.execute(beyond.order_by(push_addresses.c.aid.desc()).offset(MOST).limit(MOST)).scalars())
            _delete(tx, oldest)
            return gone + [(uid, aid) for aid in oldest], registered

        def tell(done: tuple[list[tuple[int, int]], Registered]) -> None:
            gone, registered = done
            for owner, aid in gone:
                self.forget(owner, aid)
            self._add(uid, registered)

        await self._database.write(change, tell)

    async def remove(self, uid: int, did: int, platform: str | None = None) -> int:
        """Takes a device's addresses away, or the one of a platform; returns how many there were."""

        def change(tx: Connection) -> list[int]:
            query = select(push_addresses.c.aid).where(push_addresses.c.uid == uid, push_addresses.c.did == did)
            if platform is not None:
                query = query.where(push_addresses.c.platform == platform)
            aids = list(tx.execute(query).scalars())
            _delete(tx, aids)
            return aids

        def tell(aids: list[int]) -> None:
            for aid in aids:
                self.forget(uid, aid)

        removed: list[int] = await self._database.write(change, tell)
        return len(removed)

    async def drop(self, uid: int, aid: int) -> None:
        """Takes one address away, of which its service says that it is no more."""
        await self._database.write(lambda tx: _delete(tx, [aid]), lambda _: self.forget(uid, aid))

    async def addresses(self, uid: int, did: int) -> list[tuple[int, str, Address]]:
        """The addresses of a user's device: aid, platform, address."""
        query = (
            select(push_addresses.c.aid, push_addresses.c.platform, push_addresses.c.address)
            .where(push_addresses.c.uid == uid, push_addresses.c.did == did)
            .order_by(push_addresses.c.aid)
        )
        found = await self._database.read(lambda connection: connection.execute(query).all())
        return [(row.aid, row.platform, decode_address(row.address)) for row in found]

    async def listed(self, uid: int) -> list[Listed]:
        """A user's addresses, in the order in which they were registered."""
        query = (
            select(*(push_addresses.c[name] for name in Listed._fields))
            .where(push_addresses.c.uid == uid)
            .order_by(push_addresses.c.aid)
        )
        return await self._database.read(lambda connection: [Listed(*row) for row in connection.execute(query)])

    def forget(self, uid: int, aid: int) -> None:
        """An address is gone from the database."""
        left = tuple(one for one in self._remembered.get(uid, ()) if one.aid != aid)
        if left:
            self._remembered[uid] = left
        else:
            self._remembered.pop(uid, None)

    def _add(self, uid: int, registered: Registered) -> None:
        self.forget(uid, registered.aid)
        if registered.platform in self._platforms and not self._shared:
            self._remembered[uid] = (*self._remembered.get(uid, ()), registered)


def _delete(tx: Connection, aids: list[int]) -> None:
    tx.execute(delete(push_outbox).where(push_outbox.c.aid.in_(aids)))
    tx.execute(delete(push_addresses).where(push_addresses.c.aid.in_(aids)))
