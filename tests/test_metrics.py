"""Metrics that are counted by adding to a number."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from roost.metrics import Tally


def test_a_tally_tells_all_that_was_counted_once() -> None:
    registry = CollectorRegistry()
    tally = Tally("eggs", "Eggs laid", registry=registry)
    assert registry.get_sample_value("eggs_total") == 0
    tally.count += 3
    assert b"eggs_total 3.0" in generate_latest(registry)
    assert b"eggs_total 3.0" in generate_latest(registry)
    tally.count += 1
    assert registry.get_sample_value("eggs_total") == 4
