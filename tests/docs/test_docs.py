"""The documents say what is: their tables are those of the code, and their examples run as printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bench.server import Server, running
from prometheus_client.metrics import MetricWrapperBase
from websockets.sync.client import connect

from roost import metrics
from roost.config import Config, load
from roost.db.schema import metadata
from roost.edge.api import OPERATIONS
from roost.edge.api.openapi import describe
from roost.edge.api.operations import PATH_FIELD
from roost.errors import RoostError
from roost.model.changes import KINDS
from roost.model.names import wire_name
from roost.model.scopes import SCOPES
from roost.protocol.close import CloseCode
from roost.protocol.codec import FRAME_TYPES
from roost.protocol.frames import ServerFrame, SyncBatch, field_names

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
HERE = "http://127.0.0.1:8080"
"""Where the examples say the server is."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REQUIREMENTS = {"A": 14, "B": 8, "C": 14, "D": 9}
"""How many points the requirements have of each source document."""


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> Iterator[list[str]]:
    """The rows of all tables."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def subclasses(kind: type[Any]) -> set[type[Any]]:
    return set(kind.__subclasses__()).union(*map(subclasses, kind.__subclasses__()))


def test_every_route_has_a_place() -> None:
    text = page("http.md") + page("admin.md")
    for path, methods in describe(OPERATIONS, "")["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in text


def test_every_route_of_back_ends_and_every_scope_is_in_the_tables_as_it_is() -> None:
    told = list(rows(page("admin.md")))
    assert {row[0].strip("`"): row[1] for row in told if row[0].strip("`") in SCOPES and len(row) == 2} == SCOPES
    routes = {row[0].strip("`"): row[1].strip("`") for row in told if "/admin" in row[0]}
    guarded = [operation for operation in OPERATIONS if operation.scope is not None]
    paths = [PATH_FIELD.sub(lambda field: f"{{{wire_name(field[1])}}}", operation.path) for operation in guarded]
    assert routes == {f"{one.method} {path}": one.scope for one, path in zip(guarded, paths, strict=True)}


def test_every_error_is_in_the_table_as_it_is() -> None:
    told = {row[2]: row for row in rows(page("http.md")) if len(row) == 5}
    for kind in subclasses(RoostError):
        if kind.__module__ != RoostError.__module__:  # the client's own never come from a server
            continue
        row = told.pop(f"`{kind.slug}`")
        assert row[:2] == [str(kind.status), str(kind.code)]
        assert row[4] == ("yes" if kind.retryable else "")
    assert set(told) == {"error", "---"}


def test_every_setting_is_in_the_table_with_its_default() -> None:
    told = {row[0]: row[1] for row in rows(page("settings.md")) if len(row) == 3}

    def look(section: msgspec.Struct, prefix: str) -> Iterator[str]:
        for field in msgspec.structs.fields(section):
            value = getattr(section, field.name)
            if isinstance(value, msgspec.Struct):
                yield from look(value, f"{prefix}{field.name}.")
            else:
                shown = json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)
                assert told[f"`{prefix}{field.name}`"] == f"`{shown}`"
                yield f"`{prefix}{field.name}`"

    assert set(look(Config(), "")) == set(told) - {"setting", "---"}


def test_the_settings_of_the_page_on_push_are_settings(tmp_path: Path) -> None:
    blocks = [text for language, text in BLOCK.findall(page("push.md")) if language == "yaml"]
    assert len(blocks) > 3
    for text in blocks:
        file = tmp_path / "config.yaml"
        file.write_text(text, encoding="utf-8")
        load(file)


def test_every_frame_and_its_fields_are_told() -> None:
    text = page("websocket.md")
    sent_by_server = {*subclasses(ServerFrame), SyncBatch}
    for kind in (*FRAME_TYPES.values(), *sent_by_server):
        if kind.__struct_config__.tag is None:
            continue
        assert f"`{kind.__struct_config__.tag}`" in text
        for name in field_names(kind):
            assert re.search(rf"\b{name}\b", text), f"{kind.__name__}: {name}"


def test_every_kind_of_change_and_its_actions_are_in_the_table() -> None:
    page = (DOCS / "http.md").read_text()
    for kind, actions in KINDS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{kind}` |") and line.count("|") == 4]
        told = re.search(r"`action`: ([\w, ]+)", row)
        assert ({*told[1].strip().split(", ")} if told else set()) == actions, kind


def test_every_close_code_is_told() -> None:
    told = {row[0] for row in rows(page("websocket.md"))}
    assert {str(code.value) for code in CloseCode} <= told


def test_every_metric_is_explained() -> None:
    text = page("operations.md")
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            described = metric.describe()[0]
            name = f"{described.name}_total" if described.type == "counter" else described.name
            assert f"`{name}`" in text


def test_every_table_and_column_is_explained() -> None:
    text = page("on-disk-format.md")
    for table in metadata.sorted_tables:
        section = re.search(rf"^### {table.name}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
        assert section, table.name
        told = {name for row in rows(section[1]) for name in re.findall(r"`(\w+)`", row[0])}
        assert told == {column.name for column in table.columns}


def test_every_requirement_has_a_row() -> None:
    told = [row[0] for row in rows(page("requirements.md")) if re.fullmatch(r"[A-D]\d+", row[0])]
    assert told == [f"{source}{number}" for source, last in REQUIREMENTS.items() for number in range(1, last + 1)]


def test_the_tests_that_the_requirements_name_exist() -> None:
    for path, name in re.findall(r"`((?:tests|scripts|bench)/[\w/.]+)(?:::(\w+))?`", page("requirements.md")):
        assert (ROOT / path).exists(), path
        assert not name or re.search(rf"\b(def|class) {name}\b", (ROOT / path).read_text()), f"{path}::{name}"


def test_every_page_is_in_the_index() -> None:
    index = page("README.md")
    for path in DOCS.glob("*.md"):
        assert path.name == "README.md" or f"({path.name})" in index


@pytest.fixture
def server() -> Iterator[Server]:
    with running(settings={}) as server:
        yield server


def play(blocks: list[str], server: Server, folder: Path) -> list[str]:
    """Runs shell blocks one after the other in one shell, as a reader would, from the root of a checkout."""
    for name in ("src", "scripts", "config.yaml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    script = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail-with-body "$@"; }\n'
    script += "printf '\\0'\n".join(blocks).replace(HERE, f"http://127.0.0.1:{server.port}")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={**os.environ, "ROOST_SERVER__DATA": str(server.data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout.split("\0")


def answers(output: str) -> list[Any]:
    """The JSON values in what some curl lines printed one after the other."""
    found, rest = [], output.strip()
    while rest.startswith("{"):
        value, end = json.JSONDecoder().raw_decode(rest)
        found.append(value)
        rest = rest[end:].strip()
    return found


VARIABLE = {"key", "prefix", "token", "refreshToken", "expireTime", "epoch", "requestID", "serverMsgID", "id"}


def essence(value: Any, key: str = "") -> Any:
    """A JSON value without what differs from run to run: times, tokens, ids made by the server."""
    if isinstance(value, dict):
        return {name: essence(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [essence(item) for item in value]
    made_here = key == "messageID" and re.fullmatch(r"[0-9a-f]{32}", str(value))
    moment = isinstance(value, int) and re.search(r"(?i)time$|lastSeen$|lastUsed$", key)
    return type(value).__name__ if key in VARIABLE or made_here or moment else value


@pytest.mark.parametrize("name", ["quick-start.md", "http.md", "admin.md", "offline-messages.md"])
def test_the_shell_lines_of_a_page_answer_as_it_says(name: str, server: Server, tmp_path: Path) -> None:
    blocks = BLOCK.findall(page(name))
    shell = [text for language, text in blocks if language == "sh"]
    outputs = iter(play(shell, server, tmp_path))
    output = ""
    for language, text in blocks:
        if language == "sh":
            output = next(outputs)
        elif language == "json":
            assert essence(answers(output)[-1]) == essence(json.loads(text))


def test_the_conversation_of_the_page_on_sockets_goes_as_it_says(server: Server) -> None:
    """Each `>` is said, each `<` must be the next that is heard; every connection begins with `auth`."""
    tokens = {}
    for name in ("alice", "bob"):
        account = {"userID": name, "password": "long enough", "deviceID": "phone"}
        tokens[name] = server.request("POST", "/auth/register", account)["token"]
    talks = re.findall(r"^```\n(> \{\"type\":\"auth\".*?)^```$", page("websocket.md"), re.MULTILINE | re.DOTALL)
    for talk, name in zip(talks, tokens, strict=True):
        with connect(f"ws://127.0.0.1:{server.port}/ws") as line:
            for way, text in (row.split(" ", 1) for row in talk.splitlines()):
                frame = json.loads(text)
                if way == "<":
                    assert essence(json.loads(line.recv(10))) == essence(frame)
                else:
                    line.send(json.dumps(frame | {"token": tokens[name]} if frame["type"] == "auth" else frame))


def test_the_python_lines_of_the_readme_print_what_it_says(server: Server, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines, printed = re.search(r"^```python\n(.*?)^```\n\n```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL).groups()
    script = lines.replace(HERE, f"http://127.0.0.1:{server.port}")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (printed, "")
