"""Every operation for back ends refuses who may not: generated from the register of operations."""

from __future__ import annotations

import re

import pytest

from roost.edge.api import OPERATIONS
from roost.edge.api.operations import Operation
from roost.model.scopes import EVERYTHING, SCOPES, check_scopes, covers
from tests.edge.api.admin.conftest import Backend
from tests.edge.people import Answer, Person, Town

GUARDED = [operation for operation in OPERATIONS if operation.path.startswith("/admin")]


async def ask(person: Person, operation: Operation) -> Answer:
    """Without a body: who may not is told so before anything else is looked at."""
    return await person.ask(operation.method, re.sub(r"\{\w+\}", "x1", operation.path))


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.handle.__name__)
async def test_an_operation_is_for_keys_with_its_scope(
    operation: Operation, town: Town, alice: Person, operator: Person, back_end: Backend, expired: Person
) -> None:
    scope = str(operation.scope)
    others = [name for name in SCOPES if not covers([name], scope)]
    key_with_others = await back_end(*others) if others else town.holder(None)
    revoked = await back_end(scope)
    await operator.delete(f"/admin/keys/{revoked.user_id}")
    assert (await ask(alice, operation)).refusal == (401, "invalid_token")
    assert (await ask(town.holder(None), operation)).refusal == (401, "unauthenticated")
    assert (await ask(revoked, operation)).refusal == (401, "token_revoked")
    assert (await ask(expired, operation)).refusal == (401, "token_expired")
    if others:
        refused = await ask(key_with_others, operation)
        assert (refused.refusal, refused.body["data"]) == ((403, "missing_scope"), {"scope": scope})


def test_no_operation_of_back_ends_is_without_a_scope() -> None:
    assert GUARDED
    assert {operation.scope for operation in GUARDED} == set(SCOPES)
    assert [operation for operation in OPERATIONS if operation.scope and operation not in GUARDED] == []


@pytest.mark.parametrize("operation", GUARDED, ids=lambda operation: operation.handle.__name__)
async def test_the_scope_is_in_the_description(operation: Operation, town: Town) -> None:
    document = (await town.http.get("/openapi.json")).json()
    paths = document["paths"].items()
    described = [methods[operation.method.lower()] for _, methods in paths if operation.method.lower() in methods]
    mine = next(each for each in described if each["operationId"] == operation.handle.__name__)
    assert mine["security"] == [{"key": [operation.scope]}]
    assert f"`{operation.scope}`" in mine["description"]


def test_a_scope_covers_those_under_it() -> None:
    assert covers(["users"], "users:read")
    assert covers([EVERYTHING], "users:read")
    assert covers(["keys", "users:read"], "users:read")
    assert not covers(["users:read"], "users")
    assert not covers(["user"], "users:read")
    assert not covers([], "users:read")


def test_each_scope_may_be_given() -> None:
    assert check_scopes([*SCOPES, EVERYTHING, *SCOPES]) == sorted({*SCOPES, EVERYTHING})
