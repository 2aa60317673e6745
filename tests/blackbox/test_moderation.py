"""D7 from outside: word lists, spam, rate limits by device and address; the same over HTTP and on sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from roost.admit.spam import COPIES
from tests.blackbox.house import Guest, House
from tests.blackbox.line import Line, eventually
from tests.blackbox.proto import PROTOBUF

Lists = dict[str, Path]


@pytest.fixture
def lists(tmp_path: Path) -> Lists:
    """Files with a word or two for each action."""
    words = {"mask": "fool\n坏人", "reject": "# no\nforbidden\n", "flag": "hmm"}
    made = {action: tmp_path / f"{action}.txt" for action in words}
    for action, path in made.items():
        path.write_text(words[action], encoding="utf-8")
    return made


@pytest.fixture
async def strict(settle: Any, lists: Lists) -> House:
    """A house that looks at its lists often."""
    files = {action: [str(path)] for action, path in lists.items()}
    house: House = await settle(moderation=files | {"reload": 0.1}, limits={"messages_per_minute": 0})
    return house


@pytest.fixture
async def ann(strict: House) -> Guest:
    return await strict.guest("ann")


@pytest.fixture
async def bob(strict: House) -> Guest:
    return await strict.guest("bob")


async def counted(house: House, metric: str) -> float:
    text = (await house.http.get("/metrics")).text
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(metric)), 0.0)


async def test_everybody_reads_the_masked_text(ann: Guest, bob: Guest) -> None:
    line, tablet, there = await ann.line(), await (await ann.on("tablet")).line(), await bob.line()
    receipt = await line.send("bob", "FＯOL, 你是坏人")
    assert receipt["content"] == "****, 你是**"
    for one in (tablet, there):
        assert (await one.hear("message"))["content"] == "****, 你是**"
    for guest, other in ((ann, "bob"), (bob, "ann")):
        (message,) = (await guest.get(f"/messages/user/{other}")).data["messages"]
        assert message["content"] == "****, 你是**"


async def test_a_text_without_listed_words_is_what_was_written(ann: Guest, bob: Guest) -> None:
    line, there = await ann.line(), await bob.line()
    for text in ("foolish 坏蛋", "e\u0301 \u200b ﬁ ﾊ\uff9e 👨\u200d👩\u200d👧 İ", "*"):
        assert "content" not in await line.send("bob", text)
        assert (await there.hear("message"))["content"] == text


async def test_over_http_and_in_protobuf_it_is_the_same(ann: Guest, bob: Guest) -> None:
    answer = await ann.post("/messages/user", {"to": "bob", "content": "you fool"})
    assert answer.data["content"] == "you ****"
    assert "content" not in (await ann.post("/messages/user", {"to": "bob", "content": "you"})).data
    line = await ann.line(speech=PROTOBUF)
    assert (await line.send("bob", "you fool"))["content"] == "you ****"
    assert not (await line.send("bob", "you"))["content"]
    assert (await ann.post("/messages/user", {"to": "bob", "content": "forbidden"})).refusal == (
        400,
        "content_rejected",
    )
    await line.say("private", to="bob", content="forbidden", messageID="m")
    assert (await line.refused("content_rejected"))["messageID"] == "m"


async def test_a_rejected_message_is_nowhere(strict: House, ann: Guest, bob: Guest) -> None:
    line, there = await ann.line(), await bob.line()
    before = await counted(strict, 'roost_moderated_total{action="reject"}')
    await line.say("private", to="bob", content="a Forbidden word", messageID="m-1")
    refusal = await line.refused("content_rejected")
    assert (refusal["code"], refusal["messageID"]) == (40006, "m-1")
    assert "retryAfter" not in refusal
    await line.say("private", to="bob", content="a forbidden word")
    await line.refused("content_rejected")
    await line.send("bob", "fine", messageID="m-1")
    assert (await there.hear("message"))["content"] == "fine"
    assert await counted(strict, 'roost_moderated_total{action="reject"}') == before + 2


async def test_in_a_group_too(ann: Guest, bob: Guest) -> None:
    group, there = await ann.group(bob), await bob.line()
    line = await ann.line()
    assert (await line.send(group, "fool", kind="group"))["content"] == "****"
    assert (await there.hear("message"))["content"] == "****"
    assert (await ann.post("/messages/group", {"to": group, "content": "forbidden"})).refusal == (
        400,
        "content_rejected",
    )


async def test_what_is_sent_again_gets_the_first_result_whatever_the_lists_say_now(
    ann: Guest, bob: Guest, lists: Lists
) -> None:
    line, there = await ann.line(), await bob.line()
    masked = await line.send("bob", "you fool", messageID="m-1")
    plain = await line.send("bob", "you dolt", messageID="m-2")
    assert await line.send("bob", "you fool", messageID="m-1") == masked | {"duplicate": True}
    lists["mask"].write_text("nothing", encoding="utf-8")
    lists["reject"].write_text("dolt\nfool", encoding="utf-8")

    async def is_rejected() -> bool:
        return (await ann.post("/messages/user", {"to": "bob", "content": "dolt"})).status == 400

    await eventually(is_rejected)
    assert await line.send("bob", "you fool", messageID="m-1") == masked | {"duplicate": True}
    assert await line.send("bob", "you dolt", messageID="m-2") == plain | {"duplicate": True}
    again = await ann.post("/messages/user", {"to": "bob", "content": "you dolt", "messageID": "m-2"})
    assert again.data == plain | {"duplicate": True}
    assert [(await there.hear("message"))["content"] for _ in range(2)] == ["you ****", "you dolt"]


async def test_a_list_that_changes_counts_without_a_restart_and_a_broken_one_changes_nothing(
    strict: House, ann: Guest, bob: Guest, lists: Lists
) -> None:
    line = await ann.line()

    async def reads(text: str, stored: str) -> None:
        async def so() -> bool:
            return (await line.send("bob", text)).get("content", text) == stored

        await eventually(so)

    async def lists_broken(number: int) -> None:
        async def so() -> bool:
            return await counted(strict, "roost_word_lists_broken") == number

        await eventually(so)

    lists["mask"].write_text("dolt", encoding="utf-8")
    await reads("fool dolt", "fool ****")
    lists["mask"].write_bytes(b"fool\n\xff\xfe")
    await lists_broken(1)
    await reads("fool dolt", "fool ****")
    lists["mask"].unlink()
    await asyncio.sleep(0.3)
    await lists_broken(1)
    await reads("fool dolt", "fool ****")
    lists["mask"].write_text("fool", encoding="utf-8")
    await reads("fool dolt", "**** dolt")
    await lists_broken(0)


async def test_a_flagged_message_is_taken_and_noted_with_its_id(
    strict: House, ann: Guest, bob: Guest, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await counted(strict, 'roost_moderated_total{action="flag"}')
    line, there = await ann.line(), await bob.line()
    receipt = await line.send("bob", "Hmm, you fool", messageID="m-1")
    assert (await there.hear("message"))["content"] == "Hmm, you ****"
    await line.send("bob", "Hmm, you fool", messageID="m-1")
    noted = [one for one in capsys.readouterr().out.splitlines() if "a message was flagged" in one]
    (said,) = noted
    for told in (f"message='{receipt['serverMsgID']}'", "conversation='p:ann:bob'", "sender='ann'", "words=('hmm',)"):
        assert told in said
    assert "you" not in said
    assert await counted(strict, 'roost_moderated_total{action="flag"}') == before + 1


async def test_what_is_no_text_is_left_alone(ann: Guest, bob: Guest) -> None:
    line, there = await ann.line(), await bob.line()
    for kind in (2, 3):
        assert "content" not in await line.send("bob", "https://example.org/fool/forbidden.png", messageType=kind)
        assert (await there.hear("message"))["content"] == "https://example.org/fool/forbidden.png"
    assert (await line.send("bob", "fool", messageType=4))["content"] == "****"


# --- spam ---


async def test_copies_to_many_are_slowed_down_and_receivers_are_not(settle: Any) -> None:
    house = await settle()
    ann = await house.guest("ann")
    others = [await house.guest(f"u{number}") for number in range(COPIES + 1)]
    line = await ann.line()
    for other in others[:COPIES]:
        receipt = await line.send(other.user_id, "Buy now!")
    await line.say("private", to=others[-1].user_id, content="Buy now!", messageID="m")
    refusal = await line.refused("spam_suspected")
    assert (refusal["code"], refusal["messageID"]) == (42901, "m")
    assert 0 < refusal["retryAfter"] <= 5
    over_http = await ann.post("/messages/user", {"to": "u0", "content": "something else"})
    assert over_http.refusal == (429, "spam_suspected")
    assert 1 <= int(over_http.headers["retry-after"]) <= 5
    assert (await others[-1].post("/messages/user", {"to": "ann", "content": "what?"})).status == 200
    assert (await line.hear("message"))["content"] == "what?"
    assert (await line.send(others[COPIES - 1].user_id, "Buy now!", messageID=receipt["messageID"]))["duplicate"]
    await asyncio.sleep(refusal["retryAfter"])
    await line.send(others[-1].user_id, "Buy now!", messageID="m")


async def test_who_is_slowed_down_still_gets_the_first_result_of_what_was_taken(settle: Any) -> None:
    house = await settle(limits={"messages_per_minute": 2})
    ann, bob = await house.guest("ann"), await house.guest("bob")
    line = await ann.line()
    first = await line.send("bob", "hello", messageID="m-1")
    await line.send("bob", "are you there?", messageID="m-2")
    for number in range(3, 6):
        await line.say("private", to="bob", content="now?", messageID=f"m-{number}")
        assert (await line.refused("rate_limited"))["messageID"] == f"m-{number}"
        again = await line.send("bob", "hello", messageID="m-1")
        assert again["duplicate"]
        assert again["serverMsgID"] == first["serverMsgID"]
    over_http = await ann.post("/messages/user", {"to": "bob", "content": "hello", "messageID": "m-1"})
    assert (over_http.status, over_http.data["serverMsgID"]) == (200, first["serverMsgID"])
    assert (await ann.post("/messages/user", {"to": "bob", "content": "hello"})).refusal == (429, "rate_limited")
    assert len((await bob.get("/messages/user/ann")).data["messages"]) == 2


async def test_of_a_flood_beyond_the_limit_each_is_answered_once(settle: Any) -> None:
    house = await settle(limits={"messages_per_minute": 2})
    ann, _bob = await house.guest("ann"), await house.guest("bob")
    line = await ann.line()
    for number in range(200):
        await line.say("private", to="bob", content="hello", messageID=f"m-{number % 100}")
    answers = [await line.hear("sent", "error") for _ in range(200)]
    assert {answer["error"] for answer in answers if answer["type"] == "error"} == {"rate_limited"}
    for number in range(100):
        assert sum(answer["messageID"] == f"m-{number}" for answer in answers) == 2
    assert len({answer["serverMsgID"] for answer in answers if answer["type"] == "sent"}) == 2


@pytest.mark.parametrize("settings", [{"moderation": {"spam": False}}, {"limits": {"messages_per_minute": 0}}])
async def test_where_it_is_not_looked_for_nobody_is_slowed_down(settle: Any, settings: dict[str, Any]) -> None:
    house = await settle(**settings)
    line = await (await house.guest("ann")).line()
    for number in range(COPIES + 5):
        await house.guest(f"u{number}")
        await line.send(f"u{number}", "Buy now!")


# --- devices and addresses ---


async def from_address(house: House, guest: Guest, forwarded: str) -> Line:
    line = await house.open(additional_headers={"X-Forwarded-For": forwarded})
    await line.say("auth", token=guest.token)
    await line.hear("ready")
    return line


async def sends(line: Line, count: int) -> list[str]:
    """What so many messages are answered with: receipts, then refusals, which are the quicker ones."""
    for _ in range(count):
        await line.say("private", to="bob", content="hello")
    answers: list[str] = []
    while len(answers) < count:
        kind = (await line.hear())["type"]
        if kind in {"sent", "error"}:
            answers.append(kind)
    return sorted(answers, reverse=True)


async def test_each_device_has_its_limit_over_http_and_sockets_together(settle: Any) -> None:
    house = await settle(limits={"device_messages_per_minute": 3})
    ann, _ = await house.guest("ann"), await house.guest("bob")
    assert (await ann.post("/messages/user", {"to": "bob", "content": "hello"})).status == 200
    line = await ann.line()
    assert await sends(line, 4) == ["sent", "sent", "error", "error"]
    over = await ann.post("/messages/user", {"to": "bob", "content": "hello"})
    assert over.refusal == (429, "rate_limited")
    assert int(over.headers["retry-after"]) <= 20
    assert await sends(await (await ann.on("tablet")).line(), 3) == ["sent"] * 3


async def test_each_address_has_its_limit_over_http_and_sockets_together(settle: Any) -> None:
    house = await settle(limits={"address_messages_per_minute": 3})
    ann, bob = await house.guest("ann"), await house.guest("bob")
    assert await sends(await from_address(house, ann, "192.0.2.1"), 2) == ["sent"] * 2
    at_one = {"headers": {"X-Forwarded-For": "192.0.2.1"}}
    assert (await bob.post("/messages/user", {"to": "ann", "content": "hi"}, **at_one)).status == 200
    assert (await bob.post("/messages/user", {"to": "ann", "content": "hi"}, **at_one)).refusal == (429, "rate_limited")
    assert await sends(await from_address(house, ann, "203.0.113.9, 192.0.2.1"), 1) == ["error"]
    assert await sends(await from_address(house, ann, "192.0.2.2"), 1) == ["sent"]
    assert await sends(await from_address(house, ann, "2001:db8::1"), 3) == ["sent"] * 3
    assert await sends(await from_address(house, ann, "2001:db8::2"), 1) == ["error"]


async def test_a_proxy_that_is_not_trusted_is_the_client_itself(settle: Any) -> None:
    house = await settle(server={"trusted_proxies": []}, limits={"address_messages_per_minute": 3})
    ann, bob = await house.guest("ann"), await house.guest("bob")
    for number in range(3):
        assert await sends(await from_address(house, ann, f"192.0.2.{number}"), 1) == ["sent"]
    assert await sends(await from_address(house, ann, "192.0.2.9"), 1) == ["error"]
    elsewhere = {"headers": {"X-Forwarded-For": "192.0.2.10"}}
    assert (await bob.post("/messages/user", {"to": "ann", "content": "hi"}, **elsewhere)).status == 429


async def test_log_in_attempts_are_counted_by_the_same_address(settle: Any) -> None:
    house = await settle(limits={"login_attempts_per_minute": 2})
    guest = await house.guest("ann")

    async def attempt(user: str, forwarded: str) -> int:
        body = {"userID": user, "password": "wrong password"}
        return int((await guest.post("/auth/login", body, headers={"X-Forwarded-For": forwarded})).status)

    assert [await attempt(f"x{number}", "1.2.3.4, 192.0.2.1") for number in range(3)] == [401, 401, 429]
    assert await attempt("y", "1.2.3.4, 192.0.2.2") == 401
