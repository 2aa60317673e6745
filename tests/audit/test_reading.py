"""Reading the audit log: in order, a part of it, for one user, in two formats."""

from __future__ import annotations

import csv
import io

import msgspec

from roost.audit import Act, record
from roost.audit.exporting import as_csv, as_jsonl
from roost.audit.reading import AT_ONCE, last_before, records
from roost.protocol.admin import AuditRecord
from tests.rooms import BEGINNING, Clock, Rooms, private


async def test_what_was_done_is_read_in_its_order(rooms: Rooms) -> None:
    ann, bob = await rooms.authors("ann", "bob")
    await rooms.write(record, Act("group.added", ann, "g:team", "bob", details={"role": "admin"}))
    one, two = await rooms.batch(private(ann, "bob", "hi"), private(bob, "ann", "ho"))
    found = await rooms.read(lambda connection: list(records(connection)))
    assert found == [
        AuditRecord(
            time=BEGINNING,
            act="group.added",
            actor="ann",
            device="phone",
            conversation="g:team",
            target="bob",
            details={"role": "admin"},
        ),
        *(
            AuditRecord(
                time=BEGINNING,
                act="message.sent",
                actor=sent.message.sender_id,
                device="phone",
                conversation="p:ann:bob",
                message=sent.message.server_msg_id,
                message_type=1,
                content=sent.message.content,
            )
            for sent in (one, two)
        ),
    ]


async def test_a_part_is_read_by_time_and_user(rooms: Rooms, clock: Clock) -> None:
    hours, each = 3 * AT_ONCE, 3600
    for hour in range(hours):
        await rooms.write(record, Act("group.removed", f"user{hour % 3}", target=f"user{hour % 3 + 1}"))
        clock.pass_(seconds=each)

    async def found(*arguments: object) -> list[int]:
        some = await rooms.read(lambda connection: list(records(connection, *arguments)))  # type: ignore[arg-type]
        return [(one.time - BEGINNING) // (each * 1000) for one in some]

    everything = list(range(hours))
    assert await found() == everything
    for first, last in ((0, 1), (7, 31), (hours - 1, hours), (hours, hours + 9), (-5, hours + 5)):
        times = BEGINNING + first * each * 1000, BEGINNING + last * each * 1000
        assert await found(*times) == everything[max(first, 0) : last]
    assert await found(None, None, "user3") == everything[2::3]
    assert await found(None, None, "user0") == everything[::3]


async def test_the_first_page_of_a_time_is_found_by_halves(rooms: Rooms, clock: Clock) -> None:
    assert await rooms.read(last_before, clock()) == 0
    for _ in range(9):
        await rooms.write(record, Act("server.started", "operator"))
        clock.pass_(seconds=1)
    first = await rooms.read(last_before, BEGINNING + 1)
    for second in range(1, 9):
        expected = first + second - 1  # the chain's first page has the time of the second
        assert await rooms.read(last_before, BEGINNING + (second - 1) * 1000 + 1) == expected
    assert await rooms.read(last_before, BEGINNING) == 0


def test_json_lines_have_what_is_known() -> None:
    shown = "".join(as_jsonl([AuditRecord(time=1, act="server.started", actor="operator")] * 2))
    assert shown == '{"time":1,"act":"server.started","actor":"operator"}\n' * 2


def test_a_spreadsheet_takes_no_content_for_a_formula() -> None:
    content = '=HYPERLINK("x","y")\n,"'
    said = AuditRecord(time=BEGINNING, act="message.sent", actor="-ann", content=content, details={"a": 1})
    [head, row] = csv.reader(io.StringIO("".join(as_csv([said]))))
    cells = dict(zip(head, row, strict=True))
    assert cells["time"] == "2023-11-14T22:13:20.000Z"
    assert cells["content"] == '\'=HYPERLINK("x","y")\n,"'
    assert cells["actor"] == "'-ann"
    assert cells["details"] == '{"a":1}'
    assert cells["target"] == ""
    assert set(cells) == {field.encode_name for field in msgspec.structs.fields(AuditRecord)}
