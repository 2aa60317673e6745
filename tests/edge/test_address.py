"""Where a client is: whose word is taken for it, and what counts as one address."""

from __future__ import annotations

import pytest

from roost.edge.address import Proxies

OURS = ["127.0.0.1", "::1", "10.0.0.0/8"]

CASES = {
    "nobody between": ("192.0.2.7", [], "192.0.2.7"),
    "a header of nobody's": ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
    "one proxy": ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
    "what the client wrote before it": ("127.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
    "two proxies": ("127.0.0.1", ["192.0.2.7, 10.1.2.3"], "192.0.2.7"),
    "a chain in several headers": ("10.0.0.1", ["198.51.100.1", "192.0.2.7", "10.1.2.3"], "192.0.2.7"),
    "our own machines alone": ("127.0.0.1", ["10.9.9.9"], "10.9.9.9"),
    "no header": ("127.0.0.1", [], "127.0.0.1"),
    "nonsense": ("127.0.0.1", ["unknown"], "127.0.0.1"),
    "nonsense before": ("127.0.0.1", ["<script>, 192.0.2.7"], "192.0.2.7"),
    "nonsense behind": ("127.0.0.1", ["192.0.2.7, _hidden"], "127.0.0.1"),
    "empty": ("127.0.0.1", ["", " , "], "127.0.0.1"),
    "with a port": ("127.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
    "version 6": ("::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
    "version 6 with a port": ("::1", ["[2001:db8:1:2:3:4:5:6]:4711"], "2001:db8:1:2::/64"),
    "version 4 as version 6": ("::ffff:10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
    "with a zone": ("fe80::1%eth0", [], "fe80::/64"),
    "not an address": ("", ["192.0.2.7"], ""),
}


@pytest.mark.parametrize(("peer", "forwarded", "client"), CASES.values(), ids=CASES)
def test_the_client(peer: str, forwarded: list[str], client: str) -> None:
    assert Proxies(OURS).client(peer, forwarded) == client


def test_without_proxies_no_header_is_believed() -> None:
    assert Proxies([]).client("127.0.0.1", ["192.0.2.7"]) == "127.0.0.1"


def test_a_household_counts_as_one() -> None:
    client = Proxies([]).client
    assert client("2001:db8:1:2::1", []) == client("2001:db8:1:2:ffff::9", [])
    assert client("2001:db8:1:2::1", []) != client("2001:db8:1:3::1", [])
