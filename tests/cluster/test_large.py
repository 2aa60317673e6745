"""A large group across nodes: told by hints, recovered beside the recent log, found by the watch without Redis."""

from __future__ import annotations

from tests.blackbox.house import Guest, House
from tests.cluster.recovery import Nodes

LARGE = {"max_members": 1}


async def town(here: House, there: House) -> tuple[Guest, Guest]:
    """ann at one node, and bob at the other, in a group that is large."""
    ann, bob = await here.guest("ann"), await there.guest("bob")
    await ann.post("/groups", {"groupID": "town", "members": [bob.user_id]})
    return ann, bob


async def test_a_member_at_another_node_is_told_and_gets_what_came_meanwhile(nodes: Nodes) -> None:
    here, there = await nodes.start(fanout=LARGE), await nodes.start(fanout=LARGE)
    ann, bob = await town(here, there)
    line = await bob.line()
    missed = await line.hear("offline") if (await bob.devices())["phone"]["lag"] else None
    assert missed is None
    sender = await ann.line()
    for number in range(5):
        await sender.send("town", f"live {number}", kind="group")
    live = await line.hear_many("message", 5)
    assert [one["content"] for one in live] == [f"live {number}" for number in range(5)]
    await line.say("ack", seq=live[-1]["seq"])
    await line.hang_up()
    for number in range(3):
        await sender.send("town", f"away {number}", kind="group")
    line = await bob.line(lastSeq=live[-1]["seq"])
    batch = await line.hear("offline")
    assert [one["content"] for one in batch["messages"]] == [f"away {number}" for number in range(3)]
    assert [one["seq"] for one in batch["messages"]] == [live[-1]["seq"] + number for number in (1, 2, 3)]


async def test_who_joins_at_one_node_while_connected_to_another_is_told_from_then_on(nodes: Nodes) -> None:
    here, there = await nodes.start(fanout=LARGE), await nodes.start(fanout=LARGE)
    ann, _ = await town(here, there)
    cat = await there.guest("cat")
    line = await cat.line()
    await ann.put(f"/groups/town/members/{cat.user_id}", {})
    joined = await line.hear("change")
    assert (joined["kind"], joined["userID"]) == ("member", "cat")
    sender = await ann.line()
    await sender.send("town", "welcome", kind="group")
    assert (await line.hear("message"))["content"] == "welcome"
