"""The lines that the source documents print work as printed, with only host and token replaced (A14, D1, D2)."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.house import Guest, House
from tests.blackbox.line import Line

ROOT = Path(__file__).parents[2]

LIST = """
curl -H "Authorization: Bearer YOUR_TOKEN" \\
  "http://localhost:8080/api/messages/offline?page=1&page_size=10"
"""
MARK = """
curl -X POST -H "Authorization: Bearer YOUR_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"message_ids":[1234567890]}' \\
  "http://localhost:8080/api/messages/mark_synced"
"""
UNREAD = """
curl -H "Authorization: Bearer YOUR_TOKEN" \\
  "http://localhost:8080/api/messages/unread_count"
"""
SEND = """
curl -X POST https://your-worker.workers.dev/messages/user \\
  -H "Authorization: Bearer YOUR_JWT_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"receiver_id": 2, "content": "Hello!"}'
"""
HISTORY = """
curl https://your-worker.workers.dev/messages/user/2 \\
  -H "Authorization: Bearer YOUR_JWT_TOKEN"
"""
ONLINE = """
curl "https://your-worker.workers.dev/messages/online?user_ids=1,2,3" \\
  -H "Authorization: Bearer YOUR_JWT_TOKEN"
"""
CONSOLE = """
const ws = new WebSocket('wss://your-worker.workers.dev/ws');

ws.onopen = () => {
  console.log('connected');

  ws.send(JSON.stringify({
    type: 'auth',
    token: 'YOUR_JWT_TOKEN'
  }));
};

ws.onmessage = (event) => {
  console.log('received:', JSON.parse(event.data));
};

ws.send(JSON.stringify({
  type: 'private',
  to: 2,
  content: 'Hello via WebSocket!'
}));
"""

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


async def printed(line: str, guest: Guest) -> Any:
    """Runs a printed line in a shell; returns `data` of the answer."""
    assert guest.token is not None
    for host in ("http://localhost:8080", "https://your-worker.workers.dev"):
        line = line.replace(host, guest.house.url)
    for placeholder in ("YOUR_TOKEN", "YOUR_JWT_TOKEN"):
        line = line.replace(placeholder, guest.token)
    line = line.replace("curl ", "curl --silent --fail-with-body --max-time 20 ")
    done = await asyncio.to_thread(subprocess.run, ["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert (answer["code"], answer["message"]) == (0, "success")
    return answer["data"]


@pytest.fixture
async def two(house: House) -> Guest:
    """The user of the documents."""
    return await house.guest("2")


@needs_curl
async def test_the_curl_lines_of_the_offline_document(ann: Guest, bob: Guest) -> None:
    receipts = await (await ann.line()).send_many(bob.user_id, 12)
    page = await printed(LIST, bob)
    assert (len(page["messages"]), page["page"], page["pageSize"]) == (10, 1, 10)
    assert (page["total"], page["hasMore"]) == (12, True)
    assert (await printed(UNREAD, bob))["total"] == 12
    assert await printed(MARK, bob) == {"synced": 0}, "a message id that does not exist is harmless"
    assert await printed(MARK.replace("1234567890", receipts[0]["serverMsgID"]), bob) == {"synced": 1}
    assert (await printed(LIST, bob))["total"] == 11


@needs_curl
async def test_the_curl_lines_of_the_deployment_document(ann: Guest, two: Guest) -> None:
    receipt = await printed(SEND, ann)
    assert receipt["conversationID"] == ann.conversation(two)
    history = await printed(HISTORY, ann)
    assert [message["content"] for message in history["messages"]] == ["Hello!"]
    there = await two.line()
    states = await printed(ONLINE, ann)
    assert states.keys() == {"1", "2", "3"}
    assert (states["2"]["online"], states["3"]["online"]) == (True, False)
    await there.hang_up()


async def test_the_console_lines_of_the_deployment_document(house: House, ann: Guest, two: Guest) -> None:
    """As a browser runs them: `onopen` first, and the last statement once it is pasted, in frames as printed."""
    there, page = await two.line(lastSeq=(await two.sync(0))["headSeq"]), Page(await house.open(origin=house.url))
    handler, last = _sends(CONSOLE.replace("YOUR_JWT_TOKEN", str(ann.token)))
    await page.send(handler)
    assert (await page.onmessage())["type"] == "ready"
    await page.send(last)
    assert (await page.onmessage())["type"] == "sent"
    message = await there.hear("message")
    assert (message["content"], message["senderID"]) == ("Hello via WebSocket!", ann.user_id)


async def test_the_console_lines_at_once(house: House, ann: Guest, two: Guest) -> None:
    """Without a wait between `auth` and the message, too."""
    page = Page(await house.open(origin=house.url))
    for frame in _sends(CONSOLE.replace("YOUR_JWT_TOKEN", str(ann.token))):
        await page.send(frame)
    assert [(await page.onmessage())["type"] for _ in range(2)] == ["ready", "sent"]


class Page:
    """As much of a browser as the printed lines need."""

    def __init__(self, line: Line) -> None:
        self._line = line

    async def send(self, data: str) -> None:
        await self._line.socket.send(data)

    async def onmessage(self) -> dict[str, Any]:
        return await self._line.hear()


def _sends(script: str) -> list[str]:
    """What a script gives to `ws.send`, as `JSON.stringify` spells it. Its objects have plain names and values."""
    return [
        json.dumps(_literal(part.partition("}")[0]), separators=(",", ":"))
        for part in script.split("ws.send(JSON.stringify({")[1:]
    ]


def _literal(text: str) -> dict[str, Any]:
    pairs = (line.strip().rstrip(",").partition(": ") for line in text.strip().splitlines())
    return {name: json.loads(value.replace("'", '"')) for name, _, value in pairs}


@needs_curl
async def test_the_offline_script_runs(house: House) -> None:
    script = ROOT / "scripts" / "offline_demo.sh"
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", script],
        env={"BASE": house.url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
