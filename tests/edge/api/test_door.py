from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.edge.people import Answer, Person, Town

LIMIT = 1 << 20
GZIP = {"Content-Encoding": "gzip", "Content-Type": "application/json"}


def body_of(size: int) -> bytes:
    """A valid request of so many bytes."""
    shell = b'{"lastSeq":0,"x":""}'
    return shell[:-2] + b"x" * (size - len(shell)) + shell[-2:]


async def sync(person: Person, content: bytes, **headers: str) -> Answer:
    return await person.post("/messages/sync", content=content, headers={"Content-Type": "application/json", **headers})


async def packed(person: Person, content: bytes) -> Answer:
    return await person.post("/messages/sync", content=content, headers=GZIP)


async def test_a_packed_body_is_unpacked(alice: Person) -> None:
    assert (await packed(alice, gzip.compress(b'{"lastSeq":0}'))).data["messages"] == []


async def test_a_body_may_be_as_large_as_the_limit(alice: Person) -> None:
    assert (await sync(alice, body_of(LIMIT))).status == 200
    assert (await packed(alice, gzip.compress(body_of(LIMIT)))).status == 200


async def test_a_body_over_the_limit_is_refused(alice: Person) -> None:
    assert (await sync(alice, body_of(LIMIT + 1))).refusal == (413, "too_large")


async def test_a_body_over_the_limit_is_refused_without_announcement(alice: Person) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 65536

    answer = await alice.post("/messages/sync", content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.refusal == (413, "too_large")


async def test_a_body_over_the_limit_once_unpacked_is_refused(alice: Person) -> None:
    assert (await packed(alice, gzip.compress(body_of(LIMIT + 1)))).refusal == (413, "too_large")


async def test_a_bomb_is_not_unpacked(alice: Person) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(512)) + packer.flush()
    assert len(bomb) < LIMIT
    answer = await asyncio.wait_for(packed(alice, bomb), 5)
    assert answer.refusal == (413, "too_large")


@pytest.mark.parametrize(
    "content",
    [
        b"not gzip",
        gzip.compress(b'{"lastSeq":0}')[:-1],
        gzip.compress(b'{"lastSeq":0}') + b"more",
        gzip.compress(b'{"lastSeq":') + gzip.compress(b"0}"),
        gzip.compress(b'{"lastSeq":0}').replace(b"\x1f\x8b", b"\x1f\x8c", 1),
    ],
    ids=["text", "cut", "tail", "two files", "wrong magic"],
)
async def test_a_damaged_packed_body_is_refused(alice: Person, content: bytes) -> None:
    assert (await packed(alice, content)).refusal == (400, "malformed")


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
async def test_other_encodings_are_refused(alice: Person, encoding: str) -> None:
    assert (await sync(alice, b"{}", **{"Content-Encoding": encoding})).refusal == (415, "unsupported_media")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
async def test_other_content_types_are_refused(alice: Person, kind: str) -> None:
    assert (await sync(alice, b"{}", **{"Content-Type": kind})).refusal == (415, "unsupported_media")


async def test_protobuf_is_refused_where_it_is_not_spoken(alice: Person) -> None:
    answer = await alice.post("/groups", content=b"\x08\x01", headers={"Content-Type": "application/x-protobuf"})
    assert answer.refusal == (415, "unsupported_media")


@pytest.mark.parametrize("content", [b"", b"{", b"{}}", b"\xff", b'{"a":"\\ud800"}', b"[" * 100_000, b"nul"])
async def test_what_is_not_json_is_refused(alice: Person, content: bytes) -> None:
    answer = await alice.post("/auth/login", content=content, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert answer.error in {"malformed", "invalid_input"}


async def test_a_large_answer_is_packed(alice: Person, bob: Person) -> None:
    await alice.send_many(bob, 10)
    answer = await bob.get("/messages/offline")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answer.data["messages"]) == 10


async def test_an_answer_too_large_for_the_loop_is_packed_as_well(alice: Person) -> None:
    for _ in range(10):
        await alice.send(alice, "x" * 5000)
    answer = await alice.get(f"/messages/user/{alice.user_id}")
    assert int(answer.headers["content-length"]) < 5000
    assert len(answer.data["messages"]) == 10


async def test_a_small_answer_is_not_packed(alice: Person) -> None:
    assert "content-encoding" not in (await alice.get("/messages/unread_count")).headers


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br"])
async def test_who_does_not_take_gzip_gets_it_plain(alice: Person, bob: Person, accepted: str) -> None:
    await alice.send_many(bob, 10)
    answer = await bob.get("/messages/offline", headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in answer.headers
    assert len(answer.data["messages"]) == 10


@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP;q=0.5", "deflate, gzip;q=1.0, *;q=0.5"])
async def test_who_takes_gzip_among_others_gets_it(alice: Person, bob: Person, accepted: str) -> None:
    await alice.send_many(bob, 10)
    answer = await bob.get("/messages/offline", headers={"Accept-Encoding": accepted})
    assert answer.headers["content-encoding"] == "gzip"


async def test_every_answer_has_a_request_id(town: Town, alice: Person) -> None:
    answers = [await alice.get("/devices"), await alice.get("/nothing"), await town.holder(None).get("/devices")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


async def test_a_failure_names_its_request(alice: Person) -> None:
    answer = await alice.get("/nothing")
    assert answer.body["requestID"] == answer.headers["x-request-id"]


async def test_a_clients_own_request_id_is_kept(alice: Person) -> None:
    answer = await alice.get("/devices", headers={"X-Request-ID": "trace-1.2_3"})
    assert answer.headers["x-request-id"] == "trace-1.2_3"


@pytest.mark.parametrize("given", ["a b", "x" * 65, 'a"b', ""])
async def test_a_request_id_that_could_harm_is_not_kept(alice: Person, given: str) -> None:
    answer = await alice.get("/devices", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] != given


async def test_answers_are_not_cached_and_not_guessed(alice: Person) -> None:
    headers = (await alice.get("/devices")).headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_requests_are_counted_by_route(town: Town, alice: Person) -> None:
    def counted(metrics: bytes) -> float:
        line = 'roost_http_requests_total{route="/messages/user/{user_id}",status="404"}'
        found = [text for text in metrics.decode().splitlines() if text.startswith(line)]
        return float(found[0].rpartition(" ")[2]) if found else 0

    operator = town.holder(None, prefix="")
    before = counted((await operator.get("/metrics")).body)
    await alice.get("/messages/user/nobody1")
    await town.holder(alice.token, prefix="/api").get("/messages/user/nobody2")
    assert counted((await operator.get("/metrics")).body) == before + 2


async def test_a_request_that_ends_early_harms_nobody(town: Town, alice: Person) -> None:
    address = urlsplit(str(town.http.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = f"POST /api/v1/messages/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    writer.write(f"{head}Content-Length: 100\r\n\r\n{json.dumps({})}".encode())
    await writer.drain()
    writer.close()
    assert await reader.read() == b""
    assert (await alice.get("/devices")).status == 200
