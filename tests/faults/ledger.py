"""The logs as the server gives them over HTTP, and whether they keep every promise."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from bench.server import Server

from tests.faults.devices import Device, Mark, Sending

COUNT = 1000
"""Entries of a page: the most there may be."""


class Ledger:
    """The logs of all users, read so far. Reading on after each restart finds a loss near its cause."""

    def __init__(self, tokens: dict[str, str]) -> None:
        self._tokens = tokens
        self._logs: dict[str, list[Mark | None]] = {user: [] for user in tokens}
        self._places: dict[str, dict[str, int]] = {user: {} for user in tokens}
        self._conversations: dict[str, dict[str, int]] = {user: {} for user in tokens}
        self._epochs: set[str] = set()

    @property
    def entries(self) -> int:
        """Entries in all logs together."""
        return sum(len(log) for log in self._logs.values())

    def logs(self) -> dict[str, list[Mark | None]]:
        """Each user's log; the entry with seq n is at n-1, None where it is a change."""
        return self._logs

    def read_on(self, server: Server) -> None:
        """Reads what is new in every log, and checks the numbering."""
        for user, token in self._tokens.items():
            more = True
            while more:
                request = {"lastSeq": len(self._logs[user]), "count": COUNT}
                page = server.request("POST", "/messages/sync", request, token)
                self._add(user, page)
                more = page["hasMore"]
        assert len(self._epochs) == 1, f"the epoch changed: {self._epochs}"

    def check(self, sendings: Iterable[Sending]) -> None:
        """Every acknowledged one of these is in the log of each member, as its receipt says."""
        for sending in sendings:
            if sending.mark is None:
                continue
            for user in sending.members:
                place = self._places[user].get(sending.message_id)
                assert place is not None, f"lost: {user} does not have {sending}"
                assert self._logs[user][place - 1] == sending.mark, f"{user} has another message for {sending}"
            assert self._places[sending.sender][sending.message_id] == sending.seq, f"another seq for {sending}"

    def check_device(self, device: Device, *, after: int = 0) -> int:
        """What the device was shown is what its user's log holds: nothing seen has vanished or moved.

        Leaves out the `after` entries that it stored first; returns how many it has stored.
        """
        log = self._logs[device.user]
        for seq, what in itertools.islice(device.seen.items(), after, None):
            assert seq <= len(log), f"{device.user} saw seq {seq}, its log ends at {len(log)}"
            assert log[seq - 1] == what, f"{device.user} saw {what} at {seq}, its log has {log[seq - 1]}"
        return len(device.seen)

    def _add(self, user: str, page: dict) -> None:
        log = self._logs[user]
        self._epochs.add(page["epoch"])
        messages = {message["seq"]: message for message in page["messages"]}
        seqs = sorted([*messages, *(change["seq"] for change in page["changes"])])
        expected = list(range(len(log) + 1, page["maxSeq"] + 1))
        assert seqs == expected, f"{user}: the page after {len(log)} up to {page['maxSeq']} has other seqs"
        for seq in seqs:
            log.append(self._mark(user, seq, messages[seq]) if seq in messages else None)

    def _mark(self, user: str, seq: int, message: dict) -> Mark:
        mark = Mark(message["messageID"], message["serverMsgID"], message["conversationID"], message["conversationSeq"])
        before = self._conversations[user].get(mark.conversation_id, 0)
        assert mark.conversation_seq == before + 1, f"{user}: {mark} comes after conversationSeq {before}"
        assert mark.message_id not in self._places[user], f"{user} has {mark} twice"
        self._conversations[user][mark.conversation_id] = mark.conversation_seq
        self._places[user][mark.message_id] = seq
        return mark
