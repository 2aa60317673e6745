"""The chat as its user sees it: the screen, against a real server."""

from __future__ import annotations

import asyncio
import re

import pytest
from textual import events

from roost.client import StateChanged
from roost.client.events import State
from roost.terminal.chat import Heard
from roost.terminal.status import Status
from roost.terminal.window import MOST
from tests.client.conftest import Open
from tests.client.people import Cast
from tests.terminal.desk import Desk, at_desk


async def test_a_message_appears_at_once_and_becomes_sent(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.write("good morning")
        assert re.search("[◌✓] good morning", desk.right)
        await desk.sees("✓ good morning", "right")
        await desk.sees("✓ good morning", "left")
    page = await cast.call("bob", "GET", f"/messages/user/{cast['ann']}")
    assert [message["content"] for message in page["messages"]] == ["good morning"]


async def test_what_the_client_tells_while_the_screen_is_cleared_away_breaks_nothing(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.app._open.remove_children()
        desk.app.on_heard(Heard(StateChanged(state=State.DISCONNECTED, reason="closed")))
        await desk.pilot.pause()


async def test_who_types_quickly_sends_all_of_it(client: Open, cast: Cast) -> None:
    """Keys that arrive together are taken one after the other; none overtakes another."""
    await cast.make("bob")
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.type_at_once("all", "ctrl+j", "of it", "enter", "next")
        await desk.sees(r"✓ all\n +of it$", "right")
        await desk.sees("^ next$", "right")
        await desk.press("ctrl+f")
        await desk.type_at_once("of it", "enter")
        await desk.sees("✓ all", "right")
        await desk.misses("Esc goes back")


async def test_ctrl_j_breaks_the_line_and_each_conversation_keeps_its_draft(client: Open, cast: Cast) -> None:
    await cast.make("bob", "cat")
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.write("one", "ctrl+j")
        await desk.write("two")
        await desk.sees(r"✓ one\n +two$", "right")
        await desk.write("for bob", "ctrl+n")
        await desk.write(cast["cat"])
        await desk.sees("Enter sends")
        await desk.open(cast["bob"])
        await desk.sees("for bob", "right")


async def test_unread_is_counted_until_the_conversation_is_opened(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    await cast.send_many("bob", "ann", 12)
    await cast.send_many("cat", "ann", 1)
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann) as desk:
        await desk.sees(f"{cast['ann']} · 13 unread", "left")
        await desk.sees(rf"{cast['bob']} .*\n.* 12$", "left")
        await desk.open(cast["bob"])
        await desk.sees("─ new ─", "right")
        await desk.sees(f"{cast['ann']} · 1 unread", "left")
        while (await cast.call("ann", "GET", "/messages/unread_count"))["total"] != 1:
            await desk.pilot.pause(0.02)


async def test_a_conversation_opens_where_unread_messages_begin(client: Open, cast: Cast) -> None:
    """What does not fit is not read before somebody has gone to the end."""
    await cast.make("ann")
    old = await cast.send_many("bob", "ann", 40)
    ann = await client(cast, "ann")
    await ann.mark_read(cast["bob"])
    new = await cast.send_many("bob", "ann", 200, first=40)
    await ann.refresh()
    async with at_desk(ann) as desk:
        await desk.press("enter")  # the first of the list is in hand from the beginning
        await desk.sees(new[0], "right")
        lines = desk.right.splitlines()
        assert "─ new ─" in lines[1]
        assert old[-1] not in desk.right
        await desk.sees("more below", "right")
        await desk.sees("200 unread", "left")
        await desk.press("ctrl+end")
        await desk.sees(new[-1], "right")
        await desk.misses("unread", "left")


async def test_what_comes_into_the_open_conversation_is_read_if_somebody_looks(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    bob, ann = await client(cast, "bob"), await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await bob.send(cast["ann"], "looked at")
        await desk.sees("looked at", "right")
        await desk.sees(f"^ {cast['ann']}$", "left")
        desk.app.post_message(events.AppBlur())
        await desk.pilot.pause()
        await bob.send(cast["ann"], "nobody there")
        await desk.sees("nobody there", "right")
        await desk.sees("1 unread", "left")
        desk.app.post_message(events.AppFocus())
        await desk.misses("1 unread", "left")


async def test_offline_on_purpose_what_is_written_waits_and_leaves_on_return(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann, bob = await client(cast, "ann", connect=False), await client(cast, "bob")
    async with at_desk(ann, to=cast["bob"]) as desk:
        assert "Go offline" in desk.screen
        await desk.press("ctrl+o")
        await desk.sees("^○ offline", "status")
        await desk.sees("Go online")
        assert "Go offline" not in desk.screen
        await desk.write("from the train")
        await desk.sees("◌ from the train", "right")
        await desk.sees("1 waiting", "status")
        await bob.send(cast["ann"], "meanwhile")
        await bob.flush(10)
        assert "meanwhile" not in desk.screen
        await desk.press("ctrl+o")
        await desk.sees("✓ from the train", "right")
        await desk.sees("meanwhile", "right")
        await desk.sees("^● connected · up to date +seq", "status")
        await desk.misses("waiting", "status")


async def test_catching_up_shows_how_far_it_is(client: Open, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []

    def render(status: Status, draw: object = Status.render) -> object:
        line = draw(status)  # type: ignore[operator]
        shown.append(line.plain)
        return line

    monkeypatch.setattr(Status, "render", render)
    await cast.make("ann", "bob")
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.press("ctrl+o")
        await desk.sees("offline", "status")
        contents = await cast.send_many("bob", "ann", 6000)
        await desk.press("ctrl+o")
        await desk.sees(contents[-1], "right")
        await desk.sees("connected · up to date +seq 6,0", "status")
        bars = [found for line in shown if (found := re.search(r"syncing ━{20} +(\d+)% ([\d,]+) of [56],\d+", line))]
        assert bars
        assert [int(bar[1]) for bar in bars] == sorted(int(bar[1]) for bar in bars)
        await desk.misses("unread", "left")


async def test_text_of_others_is_never_markup_nor_control(client: Open, cast: Cast) -> None:
    nasty = "[red]danger[/red] [@click=app.quit]x[/] \x1b[31mESC\x1b]0;title\x07 \x9b2J \u202eevil\u202c \r over"
    await cast.make("ann")
    bob, ann = await client(cast, "bob"), await client(cast, "ann", connect=False)
    await bob.create_group("[b]group[/b]", [cast["ann"]], group_id=cast["tea"])
    await bob.send(f"g:{cast['tea']}", nasty)
    await bob.flush(10)
    async with at_desk(ann, size=(130, 30)) as desk:
        await desk.sees(re.escape("#[b]group[/b]"), "left")
        await desk.sees(re.escape(f"{cast['bob']}: [red]"), "left")
        await desk.press("home", "enter")
        await desk.sees(r"23:\d\d|\d\d:\d\d", "right")
        await desk.sees(re.escape("[red]danger[/red] [@click=app.quit]x[/] ␛[31mESC␛]0;title␇"), "right")
        await desk.sees(re.escape("#[b]group[/b]"), "right")
        await desk.press("ctrl+f")
        await desk.write("dange", "r")
        await desk.sees("1 found")
        assert re.search(re.escape("[red]danger[/red] [@click=app.quit]"), desk.screen)
        letters = set(desk.screen) - {"\n"}
        assert all(letter.isprintable() for letter in letters), letters


async def test_a_refused_message_says_why_and_can_be_sent_again(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.write("is anybody there")
        await desk.sees(f"✗ is anybody there\n +Not sent: There is no user {cast['bob']}", "right")
        await desk.sees("1 not sent", "status")
        await desk.sees("✗ is anybody", "left")
        await cast.make("bob")
        await desk.press("ctrl+r")
        await desk.sees("✓ is anybody there", "right")
        await desk.misses("Not sent")
        await desk.misses("1 not sent")


async def test_one_unsent_message_is_sent_again_or_removed(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.write("first")
        await desk.sees("✗ first", "right")
        await desk.write("second")
        await desk.sees("✗ second", "right")
        await cast.make("bob")
        await desk.press("shift+tab", "delete")
        await desk.misses("second", "right")
        await desk.press("up", "enter")
        await desk.sees("✓ first", "right")
    assert [one.content for one in await ann.history(cast["bob"])] == ["first"]


async def test_a_new_conversation_begins_with_an_id_that_can_be_one(client: Open, cast: Cast) -> None:
    await cast.make("bob")
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann) as desk:
        await desk.sees("Choose a conversation")
        await desk.press("ctrl+n")
        await desk.write("not a name!")
        await desk.sees("must be 1-50 characters")
        await desk.press("escape", "ctrl+n")
        await desk.write(cast["bob"])
        await desk.sees(f"▸{cast['bob']}", "left")
        await desk.write("hello")
        await desk.sees("✓ hello", "right")


async def test_search_finds_what_is_stored_and_goes_there(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    bob = await client(cast, "bob")
    await bob.send(cast["ann"], "the needle")
    await bob.flush(10)
    contents = await cast.send_many("bob", "ann", 700)
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann) as desk:
        await desk.press("ctrl+f")
        await desk.write("need", "x")
        await desk.sees("0 found")
        await desk.press("backspace")
        await desk.sees("1 found")
        await desk.press("enter")
        await desk.sees("the needle", "right")
        assert "more below" in desk.screen
        assert contents[-1] not in desk.screen
        await desk.press("end")
        await desk.sees(contents[-1], "right")
        await desk.misses("more below")


async def test_a_hit_is_shown_from_before_the_first_word_and_the_chat_stays_behind_it(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["ann"]) as desk:
        await desk.write("the minutes are in the folder that we share, and so is the rest of it, all of it")
        await desk.sees("✓ the minutes", "right")
        await desk.press("ctrl+f")
        await desk.write("share minute", "s")
        await desk.sees("│  the minutes are in the folder that we share,")
        await desk.press("ctrl+u")
        await desk.write("rest al", "l")
        await desk.sees("│  …hare, and so is the rest of it, all of it")
        assert f"▸{cast['ann']}" in desk.screen


async def test_a_long_history_is_read_page_by_page_in_both_directions(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    contents = await cast.send_many("bob", "ann", 340)
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk, asyncio.timeout(60):
        await desk.sees(contents[-1], "right")
        window = desk.app._open._window
        assert window is not None
        await desk.press("shift+tab")
        while contents[0] not in desk.screen:
            await desk.press("pageup")
            await desk.pilot.pause(0.02)
            assert len(window.messages) <= MOST
        assert not window.at_end
        seen = ""
        while contents[-1] not in (page := desk.screen):
            seen += page
            await desk.press("pagedown")
            for _ in range(50):  # at the end of what is read so far a key may find nothing to turn yet
                if desk.screen != page:
                    break
                await desk.pilot.pause(0.02)
            assert len(window.messages) <= MOST
        assert not [content for content in contents[:-30] if content not in seen]  # no page was jumped over


def page(desk: Desk) -> list[str]:
    """The messages that are seen, without the scroll bar."""
    return [line.rstrip("▁▂▃▄▅▆▇█ ") for line in desk.right.splitlines()[1:18]]


async def test_the_view_stays_where_one_reads_when_something_comes(client: Open, cast: Cast) -> None:
    await cast.make("ann")
    contents = await cast.send_many("bob", "ann", 200)
    bob, ann = await client(cast, "bob"), await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.sees(contents[-1], "right")
        await desk.press("pageup")
        await desk.sees("more below")
        top = page(desk)
        for number in range(5):
            await bob.send(cast["ann"], f"news {number}")
        await desk.sees("5 unread", "left")
        await desk.pilot.pause(0.2)
        assert page(desk) == top
        await desk.press("ctrl+end")
        await desk.sees("news 4", "right")
        await desk.misses("unread", "left")


async def test_one_sees_who_is_there_and_who_types(client: Open, cast: Cast) -> None:
    await cast.make("ann", "bob")
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"]) as desk:
        await desk.write("hello")
        await desk.sees("✓ hello", "right")
        bob = await client(cast, "bob")
        await desk.sees(f"●▸{cast['bob']}", "left")
        await desk.sees(f"{cast['bob']}  online", "right")
        await bob.typing(cast["ann"])
        await desk.sees(f"{cast['bob']}  typing …", "right")
        await bob.close()
        await desk.misses("●▸", "left")


@pytest.mark.parametrize("size", [(40, 10), (60, 16), (220, 70)])
async def test_it_fits_small_and_large_terminals(client: Open, cast: Cast, size: tuple[int, int]) -> None:
    await cast.make("ann")
    contents = await cast.send_many("bob", "ann", 100)
    ann = await client(cast, "ann", connect=False)
    async with at_desk(ann, to=cast["bob"], size=size) as desk:
        await desk.sees(re.escape(contents[-1][:10]), "right")
        await desk.pilot.resize_terminal(80, 24)
        await desk.sees(contents[-1], "right")
        assert contents[-10] in desk.right


async def test_a_token_that_is_refused_is_told(client: Open, cast: Cast) -> None:
    ann = await client(cast, "ann", connect=False, token=cast.token("ann", lifetime=-10))
    async with at_desk(ann, state="^○ disconnected · .*token") as desk:
        assert "again in" not in desk.status
