"""The programs of the documents do what the documents say, as they stand there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from roost.client import Client, ClientError, Durable, Event
from roost.client.blocking import BlockingClient
from roost.client.store.schema import SCHEMA, STEPS, VERSION
from roost.testing import LocalServer
from tests.client.people import Cast

ROOT = Path(__file__).resolve().parents[2]
HERE = "http://127.0.0.1:8080"
"""Where the programs say the server is."""
FROM_PYTHON = re.compile(
    r"^## From Python$.*?```python\n(.*?)```.*?```sh\n(.*?)```.*?```\n(.*?)```", re.MULTILINE | re.DOTALL
)


def test_the_program_of_the_readme_prints_what_it_says_each_time_it_runs(tmp_path: Path) -> None:
    """Pasted below a checkout, beside `make run`, whose data are in `./data`."""
    found = FROM_PYTHON.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found is not None
    program, shell, printed = found.groups()
    assert sum(bool(line) for line in program.splitlines()) == 12
    (tmp_path / ".venv").symlink_to(sys.prefix)
    with LocalServer(data=tmp_path / "data") as server:
        (tmp_path / "talk.py").write_text(program.replace(HERE, server.url))
        for _ in range(2):
            done = subprocess.run(
                ["bash", "-euc", shell], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
            )
            assert (done.stdout, done.stderr) == (printed, "")


def test_the_echo_answers_everybody(cast: Cast, tmp_path: Path) -> None:
    """With only address and token replaced; the page on the SDK shows the same program."""
    example = (ROOT / "examples" / "echo.py").read_text()
    assert len(example.splitlines()) == 12
    assert f"```python\n{example}```" in (ROOT / "docs" / "sdk-python.md").read_text()
    code = example.replace(HERE, cast.server.url).replace("TOKEN", cast.token("bob"))
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        with BlockingClient(cast.server.url, token=cast.token("ann"), store=":memory:") as ann:
            cast_bob = cast["bob"]
            ann.connected(10)
            while not ann.online([cast_bob])[cast_bob].online:
                assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
            ann.send(cast_bob, "hello")
            (answer,) = [message for _, message in zip(range(1), ann.messages(timeout=10), strict=False)]
            assert (answer.sender_id, answer.content) == (cast_bob, "You said: hello")
    finally:
        process.terminate()
        process.wait(10)
        if process.stderr:
            process.stderr.close()


# --- the page on the SDK ---


def kinds(kind: type[Any]) -> Iterator[type[Any]]:
    """A class and all that are derived from it."""
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def section(name: str) -> str:
    """A section of the page, without those below it."""
    text = (ROOT / "docs" / "sdk-python.md").read_text(encoding="utf-8")
    return text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_every_event_is_in_the_table_with_whether_it_is_durable() -> None:
    told = {}
    for line in section("Receiving").splitlines():
        if row := re.match(r"\| (`\w+`.*?) \| (yes|no) \|", line):
            told |= dict.fromkeys(re.findall(r"`(\w+)`", row[1]), row[2] == "yes")
    assert told == {kind.__name__: issubclass(kind, Durable) for kind in kinds(Event) if not kind.__subclasses__()}


def test_every_error_of_the_client_is_named() -> None:
    told = section("Errors")
    assert all(f"`{kind.__name__}`" in told for kind in kinds(ClientError) if kind is not ClientError)


def test_every_table_of_the_store_is_explained() -> None:
    told = section("The store")
    tables = set(re.findall(r"CREATE (?:VIRTUAL )?TABLE (\w+)", "\n".join([SCHEMA, *STEPS.values()])))
    assert set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)) == tables
    assert f"(now {VERSION})" in told


def test_every_method_of_the_client_is_named() -> None:
    page = (ROOT / "docs" / "sdk-python.md").read_text(encoding="utf-8")
    methods = [name for name in dir(Client) if not name.startswith("_")]
    assert not [name for name in methods if not re.search(rf"\b{name}\b", page)]
