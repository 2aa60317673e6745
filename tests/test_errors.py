"""One tree of errors: what the wire shows of each is stable and says the same three times."""

from __future__ import annotations

import pytest

from roost.errors import InternalError, RateLimited, RoostError


def kinds(kind: type[RoostError] = RoostError) -> list[type[RoostError]]:
    """Those of the server; the client's own never cross the wire."""
    below = [one for direct in kind.__subclasses__() for one in kinds(direct)]
    return [kind, *(one for one in below if one.__module__ == RoostError.__module__)]


NAMED = [kind for kind in kinds() if kind not in {RoostError, InternalError}]


def test_every_code_and_every_slug_is_that_of_one_error() -> None:
    assert len({kind.code for kind in NAMED}) == len(NAMED)
    assert len({kind.slug for kind in NAMED}) == len(NAMED)
    assert InternalError.slug not in {kind.slug for kind in NAMED}


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_the_code_begins_with_the_status(kind: type[RoostError]) -> None:
    assert kind.code // 100 == kind.status


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_every_error_has_a_sentence_for_a_person(kind: type[RoostError]) -> None:
    assert str(kind())
    assert str(kind("Another one.")) == "Another one."


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_only_the_servers_own_trouble_and_haste_may_be_tried_again(kind: type[RoostError]) -> None:
    assert kind.retryable == (kind.status in {423, 429, 503} or kind is InternalError)


def test_an_error_carries_what_a_program_needs() -> None:
    refusal = RateLimited(retry_after=2.5, limit=10)
    assert (refusal.retry_after, refusal.data) == (2.5, {"limit": 10})
