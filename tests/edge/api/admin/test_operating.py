"""What the operator's page asks for."""

from __future__ import annotations

from tests.edge.api.admin.conftest import Backend
from tests.edge.people import Person, Town


async def test_the_metrics_of_a_node_are_told_as_numbers(back_end: Backend) -> None:
    desk = await back_end("metrics")
    told = (await desk.get("/admin/metrics")).data
    assert told["node"]
    named = {sample["name"] for sample in told["samples"]}
    assert {"roost_messages_total", "roost_connections", "roost_commit_seconds_bucket"} <= named
    assert all(isinstance(sample["value"], int | float) for sample in told["samples"])


async def test_the_audit_log_is_searched_by_user_and_in_pieces(town: Town, shop: Person, back_end: Backend) -> None:
    desk = await back_end("audit")
    names = [town.name() for _ in range(3)]
    for name in names:
        await shop.post("/admin/users", {"userID": name})
        await shop.post(f"/admin/users/{name}/deactivate")

    def acts(records: list[dict[str, str]]) -> list[tuple[str, str]]:
        return [(record["act"], record["target"]) for record in records]

    found = (await desk.get(f"/admin/audit?user={names[1]}")).data
    assert acts(found["records"]) == [("user.created", names[1]), ("user.deactivated", names[1])]
    assert "next" not in found
    until = found["records"][1]["time"]
    before = (await desk.get(f"/admin/audit?user={names[1]}&until={until - 1_000_000}")).data
    assert before["records"] == []
    pieces, after = [], 0
    while after is not None:
        piece = (await desk.get(f"/admin/audit?limit=1&after={after}")).data
        pieces += piece["records"]
        after = piece.get("next")
    everything = (await desk.get("/admin/audit?limit=1000")).data["records"]
    assert pieces[: len(everything)] == everything
    assert acts([one for one in pieces if one.get("target") == names[2]]) == [
        ("user.created", names[2]),
        ("user.deactivated", names[2]),
    ]
