"""One secret for all nodes of a deployment: each has the file `jwt.secret`, and they must be the same.

A node with another one would refuse the tokens of its neighbours, and sign what they refuse: users would be logged out
and in again by chance. So the first node that starts on a database notes there which secret it has, by a fingerprint
that tells nobody the secret, and a node with another one refuses to start.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from roost.config import ConfigError
from roost.db.schema import deployment
from roost.edge.auth.secret import FILE, load_or_make_secret

NAME = "secret"
"""The fingerprint's name in `deployment`."""


def fingerprint(secret: bytes) -> str:
    """16 hexadecimal digits that are others for any other secret."""
    return hmac.new(secret, b"roost jwt.secret", hashlib.sha256).hexdigest()[:16]


def claim_secret(connection: Connection, data: Path) -> None:
    """The secret in `data` (made, if this is the first node) is the deployment's. Raises `ConfigError` if it is not."""
    noted = connection.execute(select(deployment.c.value).where(deployment.c.name == NAME)).scalar()
    if noted is None:
        note_secret(connection, data)
    elif not (data / FILE).exists():
        raise ConfigError(f"{data / FILE} is missing: copy it from another node of this deployment. {_OR_ELSE}")
    elif fingerprint(load_or_make_secret(data)) != noted:
        raise ConfigError(
            f"{data / FILE} is not that of the other nodes of this deployment: copy it from one of them. {_OR_ELSE}"
        )


_OR_ELSE = "If none of them has it any more, stop them all and see `roost renew-secret`."


def note_secret(connection: Connection, data: Path) -> None:
    """From now on the secret in `data`, made if there is none, is that of the deployment."""
    connection.execute(delete(deployment).where(deployment.c.name == NAME))
    connection.execute(insert(deployment).values(name=NAME, value=fingerprint(load_or_make_secret(data))))
    connection.commit()
