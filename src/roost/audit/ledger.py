"""Writing the audit log: the chain of this process, in the transactions of its one writer."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, bindparam, insert, select

from roost.audit.pages import BEGINNING, OPENED, End, Page, page_after
from roost.config import Audit
from roost.db.schema import audit
from roost.protocol.codec import encode_json

OPTION = "roost_audit"
"""The execution option by which a change finds the ledger in its transaction."""
LOOKED_AT = 1000
"""Pages at the end of the log in which a new chain looks for the ends of others."""

WRITE = insert(audit)
NEWEST = (
    select(audit.c.page_id, audit.c.chain, audit.c.position, audit.c.digest)
    .where(audit.c.page_id > 0)
    .order_by(audit.c.page_id.desc())
    .limit(LOOKED_AT)
)
LAST_OF_CHAIN = (
    select(audit.c.chain, audit.c.position, audit.c.digest)
    .where(audit.c.chain == bindparam("chain"), audit.c.page_id > bindparam("since"))
    .order_by(audit.c.page_id.desc())
    .limit(1)
)
"""Looked for from the end; `since` is older than the chain."""


class Opened(msgspec.Struct):
    """The body of a chain's first page: the ends of the chains before it."""

    after: list[End]


class Ledger:
    """The chain of one process. Used in its writer's transactions only, one after the other."""

    def __init__(self, settings: Audit, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds."""
        self.settings = settings
        self._clock = clock
        self._chain = ""
        self._since = 0
        self._end: End | None = None

    @property
    def options(self) -> dict[str, Ledger]:
        """The execution options of a connection whose changes are recorded here."""
        return {OPTION: self}

    @property
    def ready(self) -> bool:
        """Whether the next page needs no look at the database."""
        return self._end is not None

    def rolled_back(self) -> None:
        """What was written since the transaction (or a savepoint in it) began is not there."""
        self._end = None

    def write(self, tx: Connection, kind: str, body: str) -> None:
        """Writes a page. `body` is JSON."""
        page = page_after(self.end(tx), kind, self._clock(), body)
        tx.execute(WRITE, page._asdict())
        self._end = page.end

    def written(self, page: Page) -> None:
        """The page was stored by the caller, after `end`."""
        self._end = page.end

    def end(self, tx: Connection) -> End:
        """Where the chain ends in this transaction; it is begun, if need be."""
        if self._end is None:
            found = self._chain and tx.execute(LAST_OF_CHAIN, {"chain": self._chain, "since": self._since}).first()
            self._end = End(*found) if found else self._open(tx)
        return self._end

    def _open(self, tx: Connection) -> End:
        ends: dict[str, End] = {}
        self._chain, self._since = secrets.token_hex(8), 0
        for page_id, *end in tx.execute(NEWEST):
            self._since = max(self._since, page_id)
            ends.setdefault(end[0], End(*end))
        body = encode_json(Opened(list(ends.values()))).decode()
        page = page_after(End(self._chain, 0, BEGINNING), OPENED, self._clock(), body)
        tx.execute(WRITE, page._asdict())
        return page.end


def ledger_of(tx: Connection) -> Ledger | None:
    """The ledger of a write transaction; None where its database was opened without one."""
    found = tx.get_execution_options().get(OPTION)
    return found if isinstance(found, Ledger) else None
