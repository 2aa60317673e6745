"""Which addresses are taken: what the API asks when a device gives one, and a channel again before it sends."""

from __future__ import annotations

import base64
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from roost.errors import InvalidInput
from roost.push.contract import Email, WebPush

LONGEST_ENDPOINT = 2048
"""Characters of an endpoint. The longest seen, of Windows, have under 800."""
PLAIN_URL = re.compile(r"https://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+", re.ASCII)
"""The characters that RFC 3986 allows, no fragment: what several readers of URLs might take differently is out."""
HTTPS_PORT = 443
POINT = 65
"""Bytes of a public key: a point of P-256, uncompressed (RFC 8291 §3.2)."""
AUTH = 16
"""Bytes of the secret that a browser shares (RFC 8291 §3.2)."""

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses that stand for an IPv4 address, the last 32 bits (RFC 6052 §2.1)."""
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that is given out of IPv6 for the internet (RFC 4291 §2.4); what is outside is local, or means something else."""

LONGEST_MAILBOX = 254
"""Characters of a mailbox: RFC 5321 §4.5.3.1.3 leaves no more between the brackets of a path."""
MAILBOX = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*",
    re.ASCII,
)
"""An addr-spec (RFC 5322 §3.4.1): a dot-atom of at most 64 characters, and a host name."""


IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Subscriber(NamedTuple):
    """A browser's subscription as it is used: where to send, the origin of that, and what to encrypt with."""

    endpoint: str
    origin: str
    point: bytes
    auth: bytes


def subscriber(address: WebPush) -> Subscriber:
    """The subscription of `address`. Raises `InvalidInput`, which names what is wrong.

    Only the form of the endpoint is judged, and that it is no number of a private network: what a name resolves to
    is judged each time something is sent there.
    """
    point = _bytes(address.keys.p256dh, POINT, "keys.p256dh must be a public key of P-256 in base64url.")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError:
        raise InvalidInput("keys.p256dh must be a public key of P-256 in base64url.") from None
    auth = _bytes(address.keys.auth, AUTH, f"keys.auth must be {AUTH} bytes in base64url.")
    return Subscriber(address.endpoint, _origin(address.endpoint), point, auth)


def check_webpush(address: WebPush) -> None:
    """Raises `InvalidInput` for a subscription that can't be sent to."""
    host = urlsplit(subscriber(address).origin).hostname or ""
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return
    if not is_public(number):
        raise InvalidInput("endpoint must be an address of the public internet.")


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the public internet, whatever form it is written in."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(inner)
    return address in GLOBAL_UNICAST and address.is_global


def check_email(address: Email) -> None:
    """Raises `InvalidInput` for what is not one plain mailbox: `ann@example.org`.

    Neither quoted local parts nor characters outside ASCII are taken; a domain may be given in its ASCII form.
    """
    if len(address.email) > LONGEST_MAILBOX or MAILBOX.fullmatch(address.email) is None:
        raise InvalidInput(f"email must be an address such as ann@example.org, of at most {LONGEST_MAILBOX} letters.")


def _origin(endpoint: str) -> str:
    """The origin of an https address (RFC 6454 §6.2), as a VAPID token names its audience."""
    if len(endpoint) > LONGEST_ENDPOINT or PLAIN_URL.fullmatch(endpoint) is None:
        raise InvalidInput(f"endpoint must be an https address of at most {LONGEST_ENDPOINT} characters.")
    try:
        url = urlsplit(endpoint)
        host, port = url.hostname, url.port
    except ValueError:
        raise InvalidInput("endpoint must be an https address.") from None
    if not host or "@" in url.netloc:
        raise InvalidInput("endpoint must be an https address, without a user.")
    bracketed = f"[{host}]" if ":" in host else host
    return f"https://{bracketed}" + (f":{port}" if port not in {None, HTTPS_PORT} else "")


def _bytes(text: str, length: int, complaint: str) -> bytes:
    """`text` as exactly `length` bytes, with or without padding and in either alphabet: browsers' own code varies."""
    standard = text.replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        data = b""
    if len(data) != length:
        raise InvalidInput(complaint)
    return data
