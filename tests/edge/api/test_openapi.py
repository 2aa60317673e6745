from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from roost.edge.api import OPERATIONS
from roost.model.names import wire_name
from tests.edge.people import Town


@pytest.fixture
async def document(town: Town) -> Any:
    return (await town.http.get("/openapi.json")).json()


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references(each) for each in value))
    return set()


async def test_every_operation_is_described(document: Any) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    for operation in OPERATIONS:
        path = re.sub(r"\{(\w+)\}", lambda name: f"{{{wire_name(name[1])}}}", operation.path)
        assert (operation.method, f"/api/v1{path}") in described


async def test_every_operation_has_a_summary_an_answer_and_the_failure(document: Any) -> None:
    for methods in document["paths"].values():
        for described in methods.values():
            assert described["summary"].endswith(".")
            assert described["responses"]["default"] == {"$ref": "#/components/responses/Failure"}
            assert any(status.startswith("2") for status in described["responses"])


async def test_operations_have_names_of_their_own(document: Any) -> None:
    names = [described["operationId"] for methods in document["paths"].values() for described in methods.values()]
    assert len(names) == len(set(names))


async def test_every_reference_leads_somewhere(document: Any) -> None:
    for reference in references(document):
        place = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]


async def test_inputs_and_answers_are_in_wire_names(document: Any) -> None:
    sending = document["paths"]["/api/v1/messages/user"]["post"]
    assert sending["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/ToUser")
    assert "receiverID" in document["components"]["schemas"]["ToUser"]["properties"]
    history = document["paths"]["/api/v1/messages/user/{userID}"]["get"]
    assert {(each["name"], each["in"], each["required"]) for each in history["parameters"]} == {
        ("userID", "path", True),
        ("before", "query", False),
        ("limit", "query", False),
    }


async def test_only_entering_needs_no_token(document: Any) -> None:
    open_paths = {
        path
        for path, methods in document["paths"].items()
        for described in methods.values()
        if described["security"] == []
    }
    assert open_paths == {
        *(f"/api/v1/auth/{name}" for name in ("register", "login", "refresh")),
        *("/healthz", "/readyz", "/metrics"),
    }


class Links(HTMLParser):
    """What a page would load, and whether it has code of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in {"script", "style"} or "style" in named:
            self.inline.append(tag)
        if tag in {"link", "img", "script", "iframe"}:
            self.loaded.append(str(named.get("href") or named.get("src")))


async def test_the_page_needs_no_other_host_and_no_script(town: Town) -> None:
    answer = await town.http.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    page = Links()
    page.feed(answer.text)
    assert (page.loaded, page.inline) == (["docs/style.css"], [])
    style = await town.http.get("/docs/style.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"


async def test_the_page_lists_every_operation(town: Town, document: Any) -> None:
    page = (await town.http.get("/docs")).text
    for path, methods in document["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b> {path}</code>" in page
