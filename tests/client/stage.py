"""What people do on the stage of `test_changing_machine`: whatever makes an entry in somebody's log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

from tests.client.people import Cast

NAMES = ("ann", "bob", "cat")
GUESTS = ("dan", "eve")
"""They say nothing and are in groups."""
EMOJI = ("👍", "❤️", "1️⃣")
SOON = 40
"""Milliseconds after which something scheduled is sent."""
PATIENCE = 20.0
"""Seconds until something must have happened; a machine may be busy."""


class Step(NamedTuple):
    """What somebody does; `at` chooses the message, counted from the newest, `how` the person or the way."""

    who: int
    what: str
    at: int = 0
    how: int = 0


Act = Callable[["Play", Step, str], Awaitable[Any]]
ACTS: dict[str, Act] = {}
"""Everything that can be done, by name. The text is one that no other step has."""


def act(work: Act) -> Act:
    """Enters it in the table, under its own name."""
    ACTS[work.__name__.rstrip("_")] = work
    return work


class Play:
    """Three users and their groups, on one server; `sent` has the server ids of their messages, `told` the group's."""

    def __init__(self, cast: Cast, http: httpx2.AsyncClient) -> None:
        self.cast = cast
        self._http = http
        self._key = cast.server.key()
        self.group = cast["group"]
        self.side = cast["side"]
        self.sent: list[str] = []
        self.told: list[str] = []
        self.fleeting: list[tuple[str, str]] = []
        """Messages whose time is over soon, and whose they are."""
        self.invitations: list[dict[str, Any]] = []
        self.file = ""

    async def ask(self, who: int, method: str, path: str, body: Any = None) -> Any:
        """An answer's data; None for a refusal, which is allowed: not everybody may do everything."""
        return await self._ask(self.cast.token(NAMES[who], "hands"), method, path, body)

    async def order(self, method: str, path: str, body: Any = None) -> Any:
        """The same of a back end."""
        return await self._ask(self._key, method, f"/admin{path}", body)

    async def _ask(self, token: str, method: str, path: str, body: Any) -> Any:
        answer = await self._http.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code < 500, answer.text
        return answer.json()["data"] if answer.is_success else None

    async def begin(self, *members: str) -> None:
        """`members` are in Ann's group from the start."""
        for name in (*NAMES, *GUESTS):
            await self._ask(self.cast.token(name, "hands"), "GET", "/conversations", None)
        people = [self.cast[name] for name in members]
        assert await self.ask(0, "POST", "/groups", {"groupID": self.group, "members": people})
        form = {"file": ("list.txt", b"milk, tea")}
        headers = {"Authorization": f"Bearer {self.cast.token('ann')}"}
        answer = await self._http.post("/attachments", files=form, headers=headers)
        self.file = answer.json()["data"]["id"]
        wave = {"stickerID": "wave", "emoji": "👋", "url": "https://example.org/wave.webp"}
        assert await self.order("PUT", "/stickers/stage", {"name": "Stage", "stickers": [wave]})

    async def do(self, number: int, step: Step) -> None:
        await ACTS[step.what](self, step, f"word {number}")

    def person(self, step: Step) -> str:
        """Whom it is about: never Bob, whose devices are looked at."""
        return self.cast[NAMES[step.how if step.how != 1 else 0]]

    def pair(self, who: int, how: int = 0) -> str:
        """A private conversation of somebody: with Bob, or of Bob with one of the others."""
        return self.cast.conversation("bob", "cat" if who == 2 or (who == 1 and how == 2) else "ann")

    # --- saying something ---

    async def say(self, who: int, path: str, body: dict[str, Any]) -> str | None:
        """Sends a message; who is muted, blocked or gone is refused."""
        receipt = await self.ask(who, "POST", f"/messages/{path}", body)
        if receipt is None:
            return None
        self.sent.append(receipt["serverMsgID"])
        return self.sent[-1]

    @act
    async def send(self, step: Step, text: str) -> None:
        await self.say(step.who, "user", {"to": self.cast["bob" if step.who != 1 else "ann"], "content": text})

    @act
    async def tell(self, step: Step, text: str) -> None:
        everybody = ["@all"] if step.at == 5 else [self.cast["bob"]]
        more = ({}, {"replyTo": self.told[-1]} if self.told else {}, {"mentions": everybody})[step.how]
        mid = await self.say(step.who, "group", {"to": self.group, "content": text, **more})
        self.told += [] if mid is None else [mid]

    @act
    async def carry(self, step: Step, text: str) -> None:
        """As long as some message has the file, and its sender sees it."""
        await self.say(step.who, "group", {"to": self.group, "content": text, "attachments": [self.file]})

    @act
    async def wave(self, step: Step, text: str) -> None:
        sticker = {"packID": "stage", "stickerID": "wave"}
        await self.say(step.who, "group", {"to": self.group, "sticker": sticker, "content": ""})

    @act
    async def whisper(self, step: Step, text: str) -> None:
        """What is gone by itself after a second, or an hour."""
        path, to = ("group", self.group) if step.at % 2 else ("user", self.cast["ann" if step.who == 1 else "bob"])
        ttl = 3600 if step.how else 1
        mid = await self.say(step.who, path, {"to": to, "content": text, "ttl": ttl})
        if mid is not None and ttl == 1:
            other = to if path == "group" or step.who == 1 else self.cast[NAMES[step.who]]
            self.fleeting.append((mid, f"/messages/{path}/{other}"))

    @act
    async def later(self, step: Step, text: str) -> None:
        """To Ann, Cat or the group; what speaks against it is found when its time has come."""
        there = f"g:{self.group}" if step.at % 2 else self.pair(step.who, step.how)
        due = time.time_ns() // 1_000_000 + SOON
        await self.ask(step.who, "POST", "/messages/scheduled", _later(there, text, due))

    @act
    async def wait(self, step: Step, text: str) -> None:
        """Until everything that was to be sent later is sent, or has failed."""
        async with asyncio.timeout(PATIENCE):
            for who in range(3):
                while (await self.ask(who, "GET", "/messages/scheduled") or {}).get("scheduled"):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    @act
    async def forward(self, step: Step, text: str) -> None:
        if self.sent:
            mid = self.sent[-1 - step.at % len(self.sent)]
            to = f"g:{self.group}" if step.how else self.pair(step.who)
            await self.ask(step.who, "POST", f"/messages/{mid}/forward", {"to": [to]})

    @act
    async def draft(self, step: Step, text: str) -> None:
        """Bob begins to write in the group or to Ann, or gives it up."""
        there = f"g:{self.group}" if step.at % 2 else self.pair(1)
        await self.ask(1, "PUT", f"/conversations/{there}/draft", {"content": text if step.how else ""})

    # --- changing what was said ---

    async def change(self, step: Step, method: str, path: str, body: Any = None) -> None:
        if self.sent:
            mid = self.sent[-1 - step.at % len(self.sent)]
            await self.ask(step.who, method, f"/messages/{mid}{path}", body)

    @act
    async def edit(self, step: Step, text: str) -> None:
        await self.change(step, "PATCH", "", {"content": text})

    @act
    async def recall(self, step: Step, text: str) -> None:
        await self.change(step, "POST", "/recall")

    @act
    async def withdraw(self, step: Step, text: str) -> None:
        """A back end recalls it, and says why."""
        if self.sent:
            mid = self.sent[-1 - step.at % len(self.sent)]
            await self.order("POST", f"/messages/{mid}/recall", {"reason": text})

    @act
    async def react(self, step: Step, text: str) -> None:
        await self.change(step, "PUT", f"/reactions/{quote(EMOJI[step.how])}")

    @act
    async def unreact(self, step: Step, text: str) -> None:
        await self.change(step, "DELETE", f"/reactions/{quote(EMOJI[step.how])}")

    @act
    async def pin(self, step: Step, text: str) -> None:
        await self.change(step, "PUT", "/pin")

    @act
    async def unpin(self, step: Step, text: str) -> None:
        await self.change(step, "DELETE", "/pin")

    # --- reading, and not wanting to hear of somebody ---

    @act
    async def read(self, step: Step, text: str) -> None:
        path = f"/conversations/g:{self.group}/read"
        await self.ask(step.who, "POST", path, {"conversationSeq": step.at})

    @act
    async def look(self, step: Step, text: str) -> None:
        path = f"/conversations/{self.pair(step.who)}/read"
        await self.ask(step.who, "POST", path, {"conversationSeq": step.at})

    @act
    async def block(self, step: Step, text: str) -> None:
        await self.ask(step.who, "PUT", f"/blocks/{self.cast[NAMES[step.at % 3]]}")

    @act
    async def unblock(self, step: Step, text: str) -> None:
        await self.ask(step.who, "DELETE", f"/blocks/{self.cast[NAMES[step.at % 3]]}")

    # --- the group, about somebody who may be in it or not; Bob himself stays ---

    async def in_group(self, step: Step, method: str, path: str, body: Any = None) -> Any:
        return await self.ask(step.who, method, f"/groups/{self.group}{path}", body)

    @act
    async def rename(self, step: Step, text: str) -> None:
        await self.in_group(step, "PATCH", "", {"name": text})

    @act
    async def describe(self, step: Step, text: str) -> None:
        ways = ({"description": text}, {"membersInvite": step.at % 2 == 1}, {"avatar": text})
        await self.in_group(step, "PATCH", "", ways[step.how])

    @act
    async def announce(self, step: Step, text: str) -> None:
        """Only the owner and admins write from now on, or all again."""
        await self.in_group(step, "PATCH", "", {"announcementOnly": step.how == 1})

    @act
    async def mute(self, step: Step, text: str) -> None:
        await self.in_group(step, "PUT", f"/members/{self.person(step)}/mute", {"seconds": 3600})

    @act
    async def unmute(self, step: Step, text: str) -> None:
        await self.in_group(step, "DELETE", f"/members/{self.person(step)}/mute")

    @act
    async def quieten(self, step: Step, text: str) -> None:
        """Somebody mutes the group for itself, or no longer."""
        await self.ask(step.who, "PUT", f"/conversations/g:{self.group}/mute", {"muted": step.how != 1})

    @act
    async def hush(self, step: Step, text: str) -> None:
        """Bob may not write for an hour, or may again."""
        path = f"/members/{self.cast['bob']}/mute"
        await self.in_group(step, *(("DELETE", path) if step.how else ("PUT", path, {"seconds": 3600})))

    @act
    async def ban(self, step: Step, text: str) -> None:
        await self.in_group(step, "PUT", f"/bans/{self.person(step)}")

    @act
    async def unban(self, step: Step, text: str) -> None:
        await self.in_group(step, "DELETE", f"/bans/{self.person(step)}")

    @act
    async def remove(self, step: Step, text: str) -> None:
        person = self.person(step)
        if person != self.cast[NAMES[step.who]]:
            await self.in_group(step, "DELETE", f"/members/{person}")

    @act
    async def fetch(self, step: Step, text: str) -> None:
        await self.in_group(step, "PUT", f"/members/{self.person(step)}")

    @act
    async def gather(self, step: Step, text: str) -> None:
        """Several are added at once."""
        people = [self.cast[name] for name in (*GUESTS, *(("cat",) if step.at % 2 else ()))]
        path, body = f"/groups/{self.group}/members", {"members": people}
        await (self.ask(step.who, "POST", path, body) if step.how == 1 else self.order("POST", path, body))

    @act
    async def scatter(self, step: Step, text: str) -> None:
        """One of them is removed, or both."""
        people = [self.cast[name] for name in GUESTS[: 1 + step.at % 2]]
        await self.order("POST", f"/groups/{self.group}/members/remove", {"members": people})

    @act
    async def promote(self, step: Step, text: str) -> None:
        person = self.cast["bob"] if step.at % 2 else self.person(step)
        await self.in_group(step, "PUT", f"/members/{person}", {"role": "member" if step.how == 1 else "admin"})

    @act
    async def transfer(self, step: Step, text: str) -> None:
        await self.in_group(step, "POST", "/transfer", {"userID": self.person(step)})

    @act
    async def leave(self, step: Step, text: str) -> None:
        if step.who != 1:
            await self.in_group(step, "POST", "/leave")

    @act
    async def invite(self, step: Step, text: str) -> None:
        made = await self.in_group(step, "POST", "/invitations", {"maxUses": step.how})
        self.invitations += [made] if made else []

    @act
    async def enter(self, step: Step, text: str) -> None:
        """Somebody comes in by the last invitation."""
        if self.invitations:
            await self.ask(step.who, "POST", f"/invitations/{self.invitations[-1]['token']}/join")

    @act
    async def revoke(self, step: Step, text: str) -> None:
        if self.invitations:
            await self.in_group(step, "DELETE", f"/invitations/{self.invitations.pop()['invitationID']}")

    # --- what ends ---

    @act
    async def aside(self, step: Step, text: str) -> None:
        """Another group, of all: made, spoken in, or ended for Bob, for himself or for everybody."""
        path = f"/groups/{self.side}"
        if step.how == 0:
            everybody = [self.cast[name] for name in NAMES]
            await self.ask(step.who, "POST", "/groups", {"groupID": self.side, "members": everybody})
        elif step.how == 1:
            await self.ask(step.who, "POST", "/messages/group", {"to": self.side, "content": text})
        else:
            way = (("DELETE", path), ("POST", f"{path}/leave"), ("PUT", f"{path}/members/{self.cast['bob']}"))
            await self.ask(step.who, *way[step.at % 3])

    @act
    async def erase(self, step: Step, text: str) -> None:
        """Of Cat nothing stays."""
        await self.order("POST", f"/users/{self.cast['cat']}/erase")

    async def settle(self) -> None:
        """Waits until all is done that was to be done later."""
        await self.wait(Step(0, "wait"), "")
        async with asyncio.timeout(PATIENCE):
            cat = f"/users/{self.cast['cat']}/erase"
            while (erased := await self.order("GET", cat)) and not erased["done"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            for mid, path in self.fleeting:
                while not await self._is_gone(mid, path):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)

    async def _is_gone(self, mid: str, path: str) -> bool:
        """As Bob sees it."""
        page = await self.ask(1, "GET", f"{path}?limit=100") or {"messages": []}
        return all(one.get("recallTime") for one in page["messages"] if one["serverMsgID"] == mid)


def _later(conversation: str, text: str, due: int) -> dict[str, Any]:
    return {"conversationID": conversation, "content": text, "sendTime": due}
