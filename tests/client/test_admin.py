"""The SDK of back ends, and the programs of the documents about it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from roost.client import AdminClient, BlockingAdminClient, NetworkError
from roost.client.blocking import BlockingClient
from roost.errors import (
    Conflict,
    InvalidID,
    MissingScope,
    TokenRevoked,
    UnknownConversation,
    UnknownReceiver,
    UserExists,
)
from roost.testing import LocalServer
from tests.client.people import Cast

ROOT = Path(__file__).resolve().parents[2]
HERE = "http://127.0.0.1:8080"
PROGRAM = re.compile(r"^```python\n(.*?)^```(?:\n\n```\n(.*?)^```)?", re.MULTILINE | re.DOTALL)


async def test_users_are_made_changed_and_let_out(cast: Cast) -> None:
    name = cast["new"]
    async with AdminClient(cast.server.url, key=cast.server.key()) as admin:
        made = await admin.create_user(name, display_name="Ann", password="long enough")
        assert await admin.create_user(name, display_name="Ann", password="long enough") == made
        with pytest.raises(UserExists):
            await admin.create_user(name)
        assert (await admin.update_user(name, bot=True)).display_name == "Ann"
        assert (await admin.update_user(name, display_name=None)).display_name is None
        assert await admin.user(name) == (await admin.update_user(name))
        assert (await admin.deactivate(name)).deactivate_time
        assert not (await admin.reactivate(name)).deactivate_time
        assert not (await admin.set_password(name, None)).has_password
        token = await admin.create_token(name, device_id="phone", ttl=60)
        assert (token.user_id, token.device_id) == (name, "phone")
        await admin.revoke_tokens(name)
        with pytest.raises(UnknownReceiver):
            await admin.user(cast["nobody"])


async def test_users_come_page_by_page(cast: Cast) -> None:
    async with AdminClient(cast.server.url, key=cast.server.key("users")) as admin:
        names = [(await admin.create_user(cast[name])).user_id for name in ("a", "b", "c")]
        listed = [user.user_id async for user in admin.users(page=2)]
        assert listed[-3:] == names
        assert len(set(listed)) == len(listed)


async def test_users_are_found_by_the_beginning_of_their_ids(cast: Cast) -> None:
    async with AdminClient(cast.server.url, key=cast.server.key("users")) as admin:
        names = [f"{cast['x']}{end}" for end in (".z", "-", "A", "_b", "a", "ab", "b")]
        for name in (*names, cast["y"], cast["x"]):
            await admin.create_user(name)
        listed = [user.user_id async for user in admin.users(cast["x"], page=3)]
        assert listed == sorted([*names, cast["x"]])
        assert [user.user_id async for user in admin.users(f"{cast['x']}a")] == [f"{cast['x']}a", f"{cast['x']}ab"]
        with pytest.raises(InvalidID):
            [user async for user in admin.users("a%")]


async def test_messages_are_sent_recalled_exported_and_erased(cast: Cast) -> None:
    ann, bob = cast["ann"], cast["bob"]
    async with AdminClient(cast.server.url, key=cast.server.key()) as admin:
        for name in (ann, bob):
            await admin.create_user(name)
        first = await admin.send(bob, "hi", sender=ann, message_id=ann)
        assert (await admin.send(bob, "hi", sender=ann, message_id=ann)).server_msg_id == first.server_msg_id
        reply = await admin.send(first.conversation_id, "yes", sender=bob, reply_to=first.server_msg_id)
        assert (await admin.send(ann, "welcome")).conversation_id != first.conversation_id
        assert (await admin.recall(reply.server_msg_id, reason="rude")).recall_reason == "rude"
        kinds = [kind async for kind, _ in admin.export(ann)]
        assert kinds == ["profile", "conversation", "conversation", "message", "message", "message"]
        state = await admin.erase(ann)
        while not state.done:
            state = await admin.erasure(ann)
        assert state.emptied == 1
        assert (await admin.stats()).messages >= 3
        assert await admin.devices(bob) == []
        assert all(device.lag for device in await admin.behind())


async def test_groups_are_made_filled_and_ended(cast: Cast) -> None:
    ann, bob, cat = cast["ann"], cast["bob"], cast["cat"]
    async with AdminClient(cast.server.url, key=cast.server.key()) as admin:
        for name in (ann, bob, cat):
            await admin.create_user(name)
        made = await admin.create_group(ann, group_id=cast["tea"], name="Tea", announcement_only=True)
        assert (made.name, made.announcement_only) == ("Tea", True)
        assert await admin.add_members(made.group_id, [ann, bob, cat]) == 2
        assert {member.user_id async for member in admin.members(made.conversation_id, page=1)} == {ann, bob, cat}
        assert (await admin.update_group(made.group_id, name="Coffee")).name == "Coffee"
        assert await admin.remove_members(made.group_id, [cat, cast["nobody"]]) == 1
        await admin.set_member(made.group_id, bob, role="admin")
        given = await admin.transfer_group(made.group_id, bob)
        assert {member.user_id: member.role for member in given.members} == {ann: "admin", bob: "owner"}
        await admin.dissolve_group(made.group_id)
        with pytest.raises(UnknownConversation):
            await admin.group(made.group_id)


async def test_an_export_that_is_cut_is_no_export(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = cast["ann"]
    async with AdminClient(cast.server.url, key=cast.server.key()) as admin:
        await admin.create_user(ann)
        whole = admin._http.stream

        class Cut:
            def __init__(self, *arguments: object) -> None:
                self._whole = whole(*arguments)  # type: ignore[arg-type]

            async def __aenter__(self) -> object:
                pieces = await self._whole.__aenter__()

                async def first_line() -> object:
                    async for piece in pieces:
                        yield piece.partition(b"\n")[0] + b"\n"

                return first_line()

            async def __aexit__(self, *error: object) -> None:
                await self._whole.__aexit__(None, None, None)

        monkeypatch.setattr(admin._http, "stream", Cut)
        with pytest.raises(NetworkError, match="cut after 1 lines"):
            [kind async for kind, _ in admin.export(ann)]


def test_the_same_for_plain_functions(cast: Cast) -> None:
    with BlockingAdminClient(cast.server.url, key=cast.server.key()) as admin:
        name = admin.create_user(cast["ann"], display_name="Ann").user_id
        assert name in [user.user_id for user in admin.users(page=50)]
        made = admin.create_key(cast["key"], ["users:read"])
        with BlockingAdminClient(cast.server.url, key=made.key) as reader:
            assert reader.user(name).display_name == "Ann"
            with pytest.raises(MissingScope) as refused:
                reader.deactivate(name)
            assert refused.value.data == {"scope": "users:write"}
            admin.revoke_key(made.prefix)
            with pytest.raises(TokenRevoked):
                reader.user(name)
        keys = admin.keys()
        assert made.prefix in [key.prefix for key in keys]


def test_reports_are_closed_and_the_audit_log_has_it(cast: Cast) -> None:
    ann, bob = cast["ann"], cast["bob"]
    with BlockingAdminClient(cast.server.url, key=cast.server.key()) as admin:
        for name in (ann, bob):
            admin.create_user(name)
        sent = [admin.send(bob, "buy this", sender=ann) for _ in range(3)]
        with BlockingClient(cast.server.url, token=admin.create_token(bob).token, store=":memory:") as reader:
            taken = [reader.report(one.server_msg_id, "spam").report_id for one in sent]
        assert [one.report_id for one in admin.reports(page=2) if one.reporter_id == bob] == taken
        closed = admin.close_report(taken[0], "upheld", "Warned.")
        assert (closed.resolution, closed.message.content) == ("upheld", "buy this")
        assert admin.close_report(taken[0], "upheld", "again") == closed
        with pytest.raises(Conflict):
            admin.close_report(taken[0], "dismissed")
        assert [one.report_id for one in admin.reports("closed") if one.reporter_id == bob] == taken[:1]
        (act,) = [one for one in admin.audit(ann, page=1) if one.act == "report.closed"]
        assert act.details == {"report": taken[0], "resolution": "upheld", "note": "Warned."}
        assert "roost_messages_total" in {sample.name for sample in admin.metrics().samples}


def test_the_programs_of_the_page_on_back_ends_print_what_they_say(own_server: LocalServer, tmp_path: Path) -> None:
    programs = PROGRAM.findall((ROOT / "docs" / "admin.md").read_text(encoding="utf-8"))
    assert len(programs) == 2
    for program, printed in programs:
        code = program.replace(HERE, own_server.url).replace("KEY", own_server.key())
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.stdout, done.stderr) == (printed, "")


def test_the_bot_of_the_examples_answers_everybody(cast: Cast, tmp_path: Path) -> None:
    code = (ROOT / "examples" / "echo_bot.py").read_text().replace('"echo"', repr(cast["echo"]))
    key = cast.server.key("users:write", "tokens")
    command = [sys.executable, "-c", code, cast.server.url, key]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        with BlockingClient(cast.server.url, token=cast.token("ann"), store=":memory:") as ann:
            ann.connected(10)
            while not ann.online([cast["echo"]])[cast["echo"]].online:
                assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
            sent = ann.send(cast["echo"], "hello")
            (answer,) = [message for _, message in zip(range(1), ann.messages(timeout=10), strict=False)]
            assert (answer.sender_id, answer.content) == (cast["echo"], "You said: hello")
            assert answer.reply_to is not None
            assert sent.content == "hello"
    finally:
        process.terminate()
        process.wait(10)
