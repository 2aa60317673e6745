from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from roost.config import Auth
from roost.db.database import Database
from roost.edge.auth import hostkeys
from roost.edge.auth.credentials import bar
from roost.edge.auth.hostkeys import HostKeys
from roost.edge.auth.tokens import NEVER, Tokens, sign
from roost.errors import InvalidToken, TokenExpired, TokenRevoked, Unavailable
from tests.rooms import Clock

SECRET = b"0123456789abcdef0123456789abcdef"
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def claims(**changes: Any) -> dict[str, Any]:
    made = {"sub": "ann", "exp": time.time() + 60} | changes
    return {name: value for name, value in made.items() if value is not None}


def own(key: bytes = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm)


def public(kind: Any, key: Any, **fields: Any) -> dict[str, Any]:
    return json.loads(kind.to_jwk(key.public_key())) | fields


RSA_JWK = public(jwt.algorithms.RSAAlgorithm, RSA_KEY, kid="rsa")
EC_JWK = public(jwt.algorithms.ECAlgorithm, EC_KEY, kid="ec")
ED_JWK = public(jwt.algorithms.OKPAlgorithm, ED_KEY, kid="ed")


@pytest.fixture
def tokens(database: Database, clock: Clock) -> Tokens:
    return Tokens(SECRET, Auth(), database, clock)


def host_tokens(database: Database, clock: Clock, path: Path, *keys: Any, **settings: Any) -> Tokens:
    path.write_text(json.dumps({"keys": keys}))
    return Tokens(SECRET, Auth(jwks=str(path), **settings), database, clock)


async def test_a_token_says_who_and_on_which_device(tokens: Tokens) -> None:
    signed = tokens.sign("ann", "phone", 60)
    found = await tokens.verify(signed.token)
    assert (found.user_id, found.device_id, found.expires_at) == ("ann", "phone", signed.expires_at)


async def test_a_token_needs_no_device(tokens: Tokens) -> None:
    assert (await tokens.verify(sign(SECRET, "ann", None, 60).token)).device_id is None


async def test_integers_are_ids(tokens: Tokens) -> None:
    found = await tokens.verify(own(sub=2, did=3))
    assert (found.user_id, found.device_id) == ("2", "3")


async def test_tokens_have_ids_of_their_own(tokens: Tokens) -> None:
    found = [await tokens.verify(tokens.sign("ann", None, 60).token) for _ in range(2)]
    assert found[0].token_id != found[1].token_id


@pytest.mark.parametrize("age", [0, 1, 3600])
async def test_an_expired_token_is_told_apart(tokens: Tokens, age: int) -> None:
    with pytest.raises(TokenExpired):
        await tokens.verify(own(exp=int(time.time()) - age))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"sub": None},
        {"sub": ""},
        {"sub": "a b"},
        {"sub": "x" * 51},
        {"sub": ["ann"]},
        {"sub": True},
        {"did": ""},
        {"did": "x" * 65},
        {"did": {}},
        {"jti": 1.5},
        {"nbf": time.time() + 3600},
    ],
)
async def test_a_token_with_bad_claims_is_refused(tokens: Tokens, changes: Any) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(own(**changes))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "é.é.é", "." * 100, "x" * 10_000, own() + "x", own()[:-2]])
async def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(token)


async def test_a_token_of_another_key_is_refused(tokens: Tokens) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(own(b"another secret of thirty-two bytes"))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
async def test_another_algorithm_with_the_right_key_is_refused(tokens: Tokens, algorithm: str) -> None:
    with pytest.raises(InvalidToken, match="algorithm"):
        await tokens.verify(own(algorithm=algorithm))


async def test_an_unsigned_token_is_refused(tokens: Tokens) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(jwt.encode(claims(), None, "none"))


@pytest.mark.parametrize(("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")])
async def test_public_keys_count_only_where_they_are_configured(tokens: Tokens, key: Any, algorithm: str) -> None:
    with pytest.raises(InvalidToken):
        await tokens.verify(jwt.encode(claims(), key, algorithm))


async def test_a_revoked_token_is_refused(tokens: Tokens) -> None:
    token, other = own(jti="one"), own(jti="two")
    await tokens.revoke(await tokens.verify(token))
    with pytest.raises(TokenRevoked):
        await tokens.verify(token)
    await tokens.verify(other)


async def test_a_token_that_was_verified_before_still_expires(database: Database) -> None:
    tokens = Tokens(SECRET, Auth(), database, lambda: time.time_ns() // 1_000_000)
    expires_at = int(time.time()) + 2
    token = own(exp=expires_at)
    await tokens.verify(token)
    await asyncio.sleep(expires_at - time.time() + 0.01)
    with pytest.raises(TokenExpired):
        await tokens.verify(token)


async def test_a_key_that_the_host_application_drops_ends_to_count(
    database: Database, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", EC_JWK, RSA_JWK)
    token = jwt.encode(claims(), EC_KEY, "ES256", headers={"kid": "ec"})
    await tokens.verify(token)
    monkeypatch.setattr(hostkeys, "FETCH_PAUSE", 0)
    (tmp_path / "keys").write_text(json.dumps({"keys": [RSA_JWK]}))
    with pytest.raises(InvalidToken):
        await tokens.verify(jwt.encode(claims(), EC_KEY, "ES256", headers={"kid": "new"}))
    await tokens.verify(token)
    clock.pass_(seconds=60)
    with pytest.raises(InvalidToken):
        await tokens.verify(token)


async def test_no_more_tokens_are_remembered_than_a_bound(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roost.edge.auth.tokens.REMEMBERED", 3)
    for number in range(10):
        await tokens.verify(own(sub=number))
    assert len(tokens._verified) == 3


async def test_a_token_stays_revoked_after_a_restart(tokens: Tokens, database: Database) -> None:
    token = own()
    await tokens.revoke(await tokens.verify(token))
    with pytest.raises(TokenRevoked):
        await Tokens(SECRET, Auth(), database, lambda: int(time.time() * 1000)).verify(token)


async def test_revoking_twice_is_harmless(tokens: Tokens) -> None:
    found = await tokens.verify(own(jti="one"))
    await tokens.revoke(found)
    await tokens.revoke(found)


async def test_a_token_without_an_id_is_revoked_as_well(tokens: Tokens) -> None:
    token, other = own(), own(did="other")
    await tokens.revoke(await tokens.verify(token))
    with pytest.raises(TokenRevoked):
        await tokens.verify(token)
    await tokens.verify(other)


async def test_what_has_expired_is_no_longer_kept_as_revoked(database: Database, clock: Clock) -> None:
    tokens = Tokens(SECRET, Auth(), database, clock)
    clock.now = int(time.time() * 1000)
    await tokens.revoke(await tokens.verify(own(jti="one")))
    clock.pass_(days=1)
    await tokens.revoke(await tokens.verify(own(jti="two", exp=time.time() + 3 * 86400)))
    kept = "SELECT jti FROM revoked_tokens"
    assert await database.read(lambda connection: connection.exec_driver_sql(kept).scalars().all()) == ["two"]


async def test_what_another_node_has_revoked_is_learned_once(tokens: Tokens, database: Database) -> None:
    other = Tokens(SECRET, Auth(), database, lambda: int(time.time() * 1000))
    token, fine = own(jti="one"), own(jti="two")
    await tokens.verify(token)
    await other.revoke(await other.verify(token))
    assert (await tokens.verify(token)).token_id == "one", "nobody has told yet"
    assert await tokens.learn_revoked()
    with pytest.raises(TokenRevoked):
        await tokens.verify(token)
    await tokens.verify(fine)
    assert not await tokens.learn_revoked()


async def test_what_another_node_says_it_has_revoked_is_refused_at_once(tokens: Tokens) -> None:
    token = own(jti="one")
    await tokens.refuse(await tokens.verify(token))
    with pytest.raises(TokenRevoked):
        await tokens.verify(token)


async def test_learning_what_was_revoked_drops_what_has_expired(database: Database, clock: Clock) -> None:
    tokens = Tokens(SECRET, Auth(), database, clock)
    clock.now = int(time.time() * 1000)
    await tokens.refuse(await tokens.verify(own(jti="one")))
    clock.pass_(days=1)
    await tokens.learn_revoked()
    assert tokens._revoked == {}


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec"), (ED_KEY, "EdDSA", "ed")]
)
async def test_tokens_of_a_host_application_count(
    database: Database, clock: Clock, tmp_path: Path, key: Any, algorithm: str, kid: str
) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", RSA_JWK, EC_JWK, ED_JWK)
    token = jwt.encode(claims(did="web"), key, algorithm, headers={"kid": kid})
    assert (await tokens.verify(token)).device_id == "web"


async def test_logging_out_here_ends_no_other_token_of_a_session_of_the_host_application(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    """Its `sid` is of its own log-in, which goes on."""
    tokens = host_tokens(database, clock, tmp_path / "keys", EC_JWK)
    one, other = (jwt.encode(claims(sid="s", jti=jti), EC_KEY, "ES256") for jti in ("1", "2"))
    await tokens.revoke(await tokens.verify(one))
    assert (await tokens.verify(other)).token_id == "2"


async def test_own_tokens_count_beside_those_of_a_host_application(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", RSA_JWK, issuer="host", audience="chat")
    assert (await tokens.verify(own())).user_id == "ann"


async def test_a_token_that_names_no_key_means_the_only_one(database: Database, clock: Clock, tmp_path: Path) -> None:
    token = jwt.encode(claims(), EC_KEY, "ES256")
    await host_tokens(database, clock, tmp_path / "one", EC_JWK).verify(token)
    with pytest.raises(InvalidToken):
        await host_tokens(database, clock, tmp_path / "two", EC_JWK, RSA_JWK).verify(token)


async def test_the_algorithm_is_the_keys_not_the_tokens(database: Database, clock: Clock, tmp_path: Path) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", RSA_JWK, EC_JWK)
    for key, algorithm, kid in ((RSA_KEY, "RS512", "rsa"), (RSA_KEY, "PS256", "rsa"), (EC_KEY, "ES256", "rsa")):
        with pytest.raises(InvalidToken):
            await tokens.verify(jwt.encode(claims(), key, algorithm, headers={"kid": kid}))


async def test_a_public_key_is_no_hmac_secret(database: Database, clock: Clock, tmp_path: Path) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", RSA_JWK)
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part({"alg": "HS256", "typ": "JWT", "kid": "rsa"}) + b"." + part(claims())
    for key in (pem, pem.strip(), json.dumps(RSA_JWK).encode()):
        signature = base64.urlsafe_b64encode(hmac.new(key, signed, hashlib.sha256).digest()).rstrip(b"=")
        with pytest.raises(InvalidToken):
            await tokens.verify((signed + b"." + signature).decode())


@pytest.mark.parametrize(
    "changes", [{}, {"iss": "other", "aud": "chat"}, {"iss": "host", "aud": "other"}, {"iss": "host"}, {"aud": "chat"}]
)
async def test_issuer_and_audience_must_be_those_configured(
    database: Database, clock: Clock, tmp_path: Path, changes: Any
) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", EC_JWK, issuer="host", audience="chat")
    await tokens.verify(jwt.encode(claims(iss="host", aud=["x", "chat"]), EC_KEY, "ES256"))
    with pytest.raises(InvalidToken):
        await tokens.verify(jwt.encode(claims(**changes), EC_KEY, "ES256"))


async def test_an_audience_nobody_configured_is_not_looked_at(database: Database, clock: Clock, tmp_path: Path) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", EC_JWK)
    await tokens.verify(jwt.encode(claims(aud="anything"), EC_KEY, "ES256"))
    await tokens.verify(own(aud="anything"))


@pytest.mark.parametrize(
    "unusable",
    [
        {"kty": "oct", "k": base64.urlsafe_b64encode(b"x" * 32).decode(), "kid": "rsa"},
        public(jwt.algorithms.RSAAlgorithm, RSA_KEY, kid="rsa", use="enc"),
        public(jwt.algorithms.RSAAlgorithm, RSA_KEY, kid="rsa", alg="RS512"),
        {"kty": "RSA", "kid": "rsa"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "rsa"},
        {},
    ],
)
async def test_keys_that_cannot_be_used_are_passed_over(
    database: Database, clock: Clock, tmp_path: Path, unusable: Any
) -> None:
    tokens = host_tokens(database, clock, tmp_path / "keys", unusable, EC_JWK)
    await tokens.verify(jwt.encode(claims(), EC_KEY, "ES256", headers={"kid": "ec"}))
    with pytest.raises(InvalidToken):
        await tokens.verify(jwt.encode(claims(), RSA_KEY, "RS256", headers={"kid": "rsa"}))


class Seconds:
    """A clock in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_new_key_is_found_when_first_named_and_not_more_than_once_a_minute(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys", Seconds()
    path.write_text(json.dumps({"keys": [EC_JWK]}))
    keys = HostKeys(str(path), clock)
    await keys.find("ec")
    path.write_text(json.dumps({"keys": [EC_JWK, RSA_JWK]}))
    clock.now = 59
    with pytest.raises(InvalidToken):
        await keys.find("rsa")
    clock.now = 60
    assert (await keys.find("rsa")).algorithm == "RS256"


async def test_known_keys_count_while_the_host_application_is_away(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys", Seconds()
    path.write_text(json.dumps({"keys": [EC_JWK]}))
    keys = HostKeys(str(path), clock)
    await keys.find("ec")
    path.unlink()
    clock.now = 1000
    with pytest.raises(Unavailable):
        await keys.find("rsa")
    assert (await keys.find("ec")).algorithm == "ES256"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"keys": 7}'])
async def test_a_key_set_that_is_none_is_unavailable(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(Unavailable):
        await HostKeys(str(path)).find("ec")


async def test_keys_are_fetched_over_http(serve_text: Any) -> None:
    url, asked = await serve_text(json.dumps({"keys": [EC_JWK]}))
    keys = HostKeys(url)
    assert (await keys.find("ec")).algorithm == "ES256"
    with pytest.raises(InvalidToken):
        await keys.find("other")
    assert len(asked) == 1


async def test_a_host_that_does_not_answer_is_unavailable(serve_text: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostkeys, "FETCH_TIMEOUT", 0.2)
    url, _ = await serve_text(None)
    with pytest.raises(Unavailable):
        await HostKeys(url).find("ec")


async def test_only_tokens_issued_since_a_users_were_revoked_count(tokens: Tokens) -> None:
    before, same, other = own(iat=999.999), own(iat=1000), own(sub="bob", iat=1)
    await tokens.verify(other)
    tokens.bar("ann", 1_000_000)
    with pytest.raises(TokenRevoked):
        await tokens.verify(before)
    await tokens.verify(same)
    await tokens.verify(other)


@pytest.mark.parametrize("iat", [None, "1001", True, -5])
async def test_a_token_that_does_not_tell_when_it_was_issued_is_refused_then(tokens: Tokens, iat: Any) -> None:
    token = own(iat=iat)
    await tokens.verify(token)
    tokens.bar("ann", 1)
    with pytest.raises(TokenRevoked):
        await tokens.verify(token)


async def test_whose_tokens_another_node_has_revoked_is_learned(tokens: Tokens, database: Database) -> None:
    token = own(iat=1000)
    await tokens.verify(token)
    await database.write(lambda tx: bar(tx, 1, "ann", NEVER))
    await tokens.verify(token)
    assert await tokens.learn_revoked()
    with pytest.raises(TokenRevoked):
        await tokens.verify(token)
    assert not await tokens.learn_revoked()
