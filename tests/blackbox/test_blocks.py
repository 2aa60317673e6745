"""Block lists on sockets (D9): what is not told to who is blocked."""

from __future__ import annotations

from tests.blackbox.house import Guest


async def test_who_is_blocked_is_refused_on_a_socket(ann: Guest, bob: Guest) -> None:
    line = await ann.line()
    sent = await line.send(bob.user_id)
    await bob.put(f"/blocks/{ann.user_id}")
    await line.say("private", to=bob.user_id, content="hi", messageID="m")
    assert (await line.refused("forbidden"))["messageID"] == "m"
    await line.say("edit", serverMsgID=sent["serverMsgID"], content="ha")
    await line.refused("forbidden")
    await line.say("react", serverMsgID=sent["serverMsgID"], emoji="👎")
    await line.refused("forbidden")


async def test_typing_is_told_to_neither(ann: Guest, bob: Guest) -> None:
    conversation = ann.conversation(bob)
    hers, his = await ann.line(), await bob.line()
    await hers.send(bob.user_id)
    await his.hear("message")
    await bob.put(f"/blocks/{ann.user_id}")
    await his.hear("change")
    for line in (hers, his):
        await line.say("typing", conversationID=conversation)
        await line.say("sync", lastSeq=0, count=1)
        await line.hear("sync_batch")  # it is answered after what was asked before
    for line in (hers, his):
        await line.nothing()


async def test_who_is_blocked_sees_nobody_come(ann: Guest, bob: Guest) -> None:
    watcher = await ann.line()
    here = await bob.line()
    await watcher.say("presence", userIDs=[bob.user_id])
    assert (await watcher.hear("presence"))["users"][bob.user_id]["online"]
    await bob.put(f"/blocks/{ann.user_id}")
    unseen = {bob.user_id: {"online": False}}
    assert (await watcher.hear("presence"))["users"] == unseen
    assert await ann.online(bob.user_id) == {"online": False, "lastSeen": None}
    await watcher.say("presence", userIDs=[bob.user_id])
    assert (await watcher.hear("presence"))["users"] == unseen
    await here.hang_up()
    await bob.line()
    await watcher.nothing()
    await bob.delete(f"/blocks/{ann.user_id}")
    assert (await watcher.hear("presence"))["users"][bob.user_id]["online"]
