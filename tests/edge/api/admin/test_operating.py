"""What the operator's page asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.edge.api.admin.conftest import Backend, operator_of
from tests.edge.people import Town


async def test_the_metrics_of_a_node_are_told_as_numbers(back_end: Backend) -> None:
    desk = await back_end("metrics")
    told = (await desk.get("/admin/metrics")).data
    assert told["node"]
    named = {sample["name"] for sample in told["samples"]}
    assert {"roost_messages_total", "roost_connections", "roost_commit_seconds_bucket"} <= named
    assert all(isinstance(sample["value"], int | float) for sample in told["samples"])


async def test_the_audit_log_is_searched_by_user_and_in_pieces(settle: Callable[..., Awaitable[Town]]) -> None:
    town = await settle()
    operator = operator_of(town)
    names = [town.name() for _ in range(3)]
    for name in names:
        await operator.post("/admin/users", {"userID": name})
        await operator.post(f"/admin/users/{name}/deactivate")

    def acts(records: list[dict[str, str]]) -> list[tuple[str, str]]:
        return [(record["act"], record["target"]) for record in records]

    def done_to(name: str) -> list[tuple[str, str]]:
        return [("user.created", name), ("user.deactivated", name)]

    found = (await operator.get(f"/admin/audit?user={names[1]}")).data
    assert acts(found["records"]) == done_to(names[1])
    assert "next" not in found
    until = found["records"][1]["time"]
    before = (await operator.get(f"/admin/audit?user={names[1]}&until={until - 1_000_000}")).data
    assert before["records"] == []
    pieces, after = [], 0
    while after is not None:
        piece = (await operator.get(f"/admin/audit?limit=1&after={after}")).data
        pieces += piece["records"]
        after = piece.get("next")
    assert pieces == (await operator.get("/admin/audit")).data["records"]
    about = [one for one in pieces if one.get("target") in names]
    assert acts(about) == [act for name in names for act in done_to(name)]
