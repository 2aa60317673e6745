"""The upgrade: who may open `/ws`, from which page, and what is agreed on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.raw import request, text


async def test_a_program_names_no_origin_and_comes_in(house: House) -> None:
    status, headers, raw = await request(house.port)
    assert status == 101
    assert headers["upgrade"].lower() == "websocket"
    assert "sec-websocket-protocol" not in headers
    await raw.close()


@pytest.mark.parametrize("connection", ["Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade, keep-alive"])
async def test_every_browser_s_connection_header_is_taken(house: House, ann: Guest, connection: str) -> None:
    """Firefox sends `keep-alive, Upgrade`."""
    status, _, raw = await request(house.port, Connection=connection)
    assert status == 101
    raw.write(text(type="auth", token=ann.token))
    assert (await raw.hear())["type"] == "ready"
    await raw.close()


async def test_a_page_of_the_same_host_comes_in(house: House) -> None:
    for host in (f"127.0.0.1:{house.port}", "chat.example.com", "localhost:8080"):
        for scheme in ("http", "https"):
            status, _, raw = await request(house.port, Host=host, Origin=f"{scheme}://{host}")
            assert status == 101
            await raw.close()


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "http://evil.example:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://evil.example/127.0.0.1:{port}",
        "http://127.0.0.1:{port}@evil.example",
        "null",
        "",
        "127.0.0.1:{port}",
        "file://",
    ],
)
async def test_a_page_of_another_host_is_refused_with_403(house: House, origin: str) -> None:
    port = house.port
    status, _, raw = await request(port, Origin=origin.format(port=port))
    assert status == 403
    await raw.close()


async def test_origins_can_be_listed(settle: Any) -> None:
    port = (await settle(server={"origins": ["https://app.example.com"]})).port
    for origin, expected in (
        ("https://app.example.com", 101),
        ("http://app.example.com", 403),
        (f"http://127.0.0.1:{port}", 403),
        (None, 101),
    ):
        status, _, raw = await request(port, Origin=origin)
        assert status == expected
        await raw.close()


async def test_sockets_are_at_ws_only(house: House) -> None:
    for path in ("/", "/wss", "/ws/extra", "/api/v1/ws"):
        status, _, raw = await request(house.port, path)
        assert status == 404
        await raw.close()
    status, _, raw = await request(house.port, "/ws?client=browser")
    assert status == 101
    await raw.close()


@pytest.mark.parametrize(
    "headers", [{"Sec_WebSocket_Key": None}, {"Sec_WebSocket_Key": "short"}, {"Sec_WebSocket_Version": "8"}]
)
async def test_a_bad_upgrade_is_refused(house: House, headers: dict[str, str | None]) -> None:
    status, _, raw = await request(house.port, **headers)
    assert 400 <= status < 500
    await raw.close()


async def test_ws_without_an_upgrade_is_an_http_error(house: House) -> None:
    answer = await house.http.get("/ws")
    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ("roost.v1.json", "roost.v1.json"),
        ("roost.v1.proto", "roost.v1.proto"),
        ("roost.v1.proto, roost.v1.json", "roost.v1.proto"),
        ("roost.v9, roost.v1.json", "roost.v1.json"),
        ("roost.v9", None),
    ],
)
async def test_the_first_subprotocol_both_know_is_agreed_on(house: House, offered: str, agreed: str | None) -> None:
    status, headers, raw = await request(house.port, Sec_WebSocket_Protocol=offered)
    assert status == 101
    assert headers.get("sec-websocket-protocol") == agreed
    await raw.close()


async def test_no_extension_is_agreed_on(house: House, ann: Guest, bob: Guest) -> None:
    line = await house.open(compression="deflate")
    assert line.socket.protocol.extensions == []
    await line.say("auth", token=ann.token)
    await line.hear("ready")
    await line.send(bob.user_id, "hello " * 500)
