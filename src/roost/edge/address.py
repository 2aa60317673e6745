"""Where a client is, as limits count: past the proxies that are ours, and a whole household for IPv6 (D7).

`X-Forwarded-For` is what its sender says. Each proxy adds the address it was called from at the end, so it is read
from there: the first address that is none of our proxies is the client. What stands before, anybody may have written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

HOUSEHOLD = 64
"""Bits of an IPv6 address that a provider gives to a customer; the others the customer chooses, as many as it likes."""

Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies in front of us: addresses, or networks such as `10.0.0.0/8`. Raises `ValueError` for other text."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: list[IPv4Network | IPv6Network] = [ip_network(one, strict=False) for one in trusted]

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """Who calls, for limits: by who connected, and the `X-Forwarded-For` headers if that is one of ours."""
        address = _read(peer)
        if address is None:
            return peer
        for entry in reversed(",".join(forwarded).split(",")):
            if not self._is_ours(address):
                break
            before = _read(entry)
            if before is None:
                break
            address = before
        return _household(address)

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _read(text: str) -> Address | None:
    """An address, with a port behind it or not."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _household(address: Address) -> str:
    if address.version == 4:  # noqa: PLR2004 - a version has no other name
        return str(address)
    return str(IPv6Network((address, HOUSEHOLD), strict=False))
