"""A server with push, its users, and Apple's stand-in: what a test of the whole road starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import NullPool, create_engine, make_url, text

from tests.blackbox.house import Guest, House
from tests.push.http2 import PushService, Request

TOPIC = "org.example.chat"
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}


def apple_key(folder: Path) -> str:
    """The file of a key such as Apple gives out."""
    file = folder / "AuthKey.p8"
    key = ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(file)


def settings(folder: Path, service: PushService, **push: Any) -> dict[str, Any]:
    """The section `push` of a server that pushes to the stand-in."""
    apns = {"enabled": True, "key_file": apple_key(folder), "key_id": "K", "team_id": "T", "topic": TOPIC}
    return {"grace": 0.2, "apns": apns | {"url": service.url}} | push


def token_of(guest: Guest, device: str = "phone") -> str:
    """The token that Apple gave this device: hexadecimal."""
    return f"{guest.user_id}/{device}".encode().hex()


async def reached(guest: Guest, device: str = "phone", **changes: Any) -> None:
    """The guest's device is reached by push from now on."""
    on = guest if device == "phone" else await guest.on(device)
    answer = await on.post("/devices", {"platform": "apns", "token": token_of(guest, device), **changes})
    assert answer.data["active"], answer.body


def pushes_to(service: PushService, guest: Guest, device: str = "phone") -> list[Request]:
    """What came for a device."""
    return service.came_to(f"/3/device/{token_of(guest, device)}")


class Books:
    """What a server's database says of push: the file in its data directory, or the one at `url`."""

    def __init__(self, house: House, url: str = "") -> None:
        where = make_url(url) if url else make_url(f"sqlite:///file:{house.data / 'roost.db'}?mode=ro&uri=true")
        self._url = where.set(drivername=DRIVERS[where.drivername])

    def rows(self, query: str) -> list[Any]:
        engine = create_engine(self._url, poolclass=NullPool)
        with engine.connect() as connection:
            return list(connection.execute(text(query)).mappings())

    def attempts(self, user: str) -> list[tuple[str, str | None]]:
        """(status, reason) of each attempt for a user, oldest first."""
        rows = self.rows("SELECT user_id, push_status, error_msg FROM push_log ORDER BY push_id")
        return [(row["push_status"], row["error_msg"]) for row in rows if row["user_id"] == user]

    def waiting(self) -> int:
        """Pushes without an outcome."""
        return int(self.rows("SELECT count(*) AS n FROM push_outbox")[0]["n"])

    async def settled(self) -> bool:
        return self.waiting() == 0
