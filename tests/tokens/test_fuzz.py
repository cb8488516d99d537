"""Whatever is sent in the place of a token: it is taken only when it is one, and nothing breaks."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jwt.algorithms import HMACAlgorithm

from s3gw.identity.permissions import ALL, BucketName, Permissions
from s3gw.identity.tokens.claims import read_permissions, standard_claims, written
from s3gw.identity.tokens.compact import encoded
from s3gw.identity.tokens.jwks import KeySetError, read_key_set
from s3gw.identity.tokens.protocol import TokenError
from tests.tokens.issuer import ec_key, jwk, pem, rsa_key
from tests.tokens.scene import SECRET, Scene, claims, opened, signed, with_secret

RSA, EC = rsa_key(), ec_key()
KINDS: dict[str, Any] = {"HS256": SECRET, "RS256": RSA, "ES256": EC}
RELAXED = settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from(
    ["sub", "exp", "nbf", "iat", "iss", "aud", "admin", "clusters", "buckets", "username",
     "expires", "s3gw", "jti", "perm", "bck"]
)  # fmt: skip


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@asynccontextmanager
async def _with_key(folder: Path, method: str) -> Any:
    text = with_secret()
    if method != "HS256":
        text = f'[auth.signature]\nkey = """{pem(KINDS[method]).decode()}"""\nmethod = "{method}"\n'
    async with opened(folder, text) as scene:
        yield scene


@pytest.fixture(scope="module", params=list(KINDS))
def keyed(
    request: pytest.FixtureRequest, loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Scene, str]]:
    """A verifier with a key, and a good token of it."""
    opening = _with_key(tmp_path_factory.mktemp(request.param), request.param)
    scene = loop.run(opening.__aenter__())
    yield scene, signed(claims(), KINDS[request.param], request.param)
    loop.run(opening.__aexit__(None, None, None))


def is_taken(loop: asyncio.Runner, scene: Scene, token: str) -> bool:
    try:
        loop.run(scene.taken(token))
    except TokenError:
        return False
    return True


@RELAXED
@given(text=st.text(max_size=200) | st.from_regex(r"\A[\w-]*\.[\w-]*\.[\w-]*\Z"))
def test_no_text_is_a_token(loop: asyncio.Runner, keyed: tuple[Scene, str], text: str) -> None:
    assert not is_taken(loop, keyed[0], text)


@RELAXED
@given(at=st.integers(0, 2000), letter=st.characters(), how=st.sampled_from(["put", "in", "out"]))
def test_no_changed_token_is_taken(
    loop: asyncio.Runner, keyed: tuple[Scene, str], at: int, letter: str, how: str
) -> None:
    scene, token = keyed
    at %= len(token)
    rest = token[at:] if how == "in" else token[at + 1 :]
    changed = token[:at] + ("" if how == "out" else letter) + rest
    assert is_taken(loop, scene, changed) == (changed == token)


@RELAXED
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jku", "jwk", "x5c"]),
                           json_values | st.sampled_from(["none", "HS256", "RS256", "ES256"])),
    payload=json_values,
    signature=st.binary(max_size=80),
)  # fmt: skip
def test_no_token_is_taken_that_nobody_signed(
    loop: asyncio.Runner, keyed: tuple[Scene, str], header: Any, payload: Any, signature: bytes
) -> None:
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    assert not is_taken(loop, keyed[0], ".".join(map(encoded, parts)))


@RELAXED
@given(given_claims=st.dictionaries(names, json_values, max_size=6))
def test_signed_claims_of_any_kind_are_taken_or_refused(
    loop: asyncio.Runner, keyed: tuple[Scene, str], given_claims: dict[str, Any]
) -> None:
    scene, _ = keyed
    payload = json.dumps({**claims(), **given_claims}).encode()
    unsigned = f"{encoded(json.dumps({'alg': 'HS256'}).encode())}.{encoded(payload)}"
    mac = HMACAlgorithm(HMACAlgorithm.SHA256).sign(unsigned.encode(), SECRET.encode())
    is_taken(loop, scene, f"{unsigned}.{encoded(mac)}")


bits = st.integers(0, ALL) | st.integers(0, (1 << 18) - 1)
buckets = st.builds(
    BucketName,
    st.text(min_size=1, max_size=20),
    st.sampled_from(["ais", "aws", "gcp"]),
    st.text(max_size=5),
    st.text(max_size=5),
)
permissions = st.builds(
    Permissions,
    st.just(False),
    st.dictionaries(st.text(max_size=5), st.integers(0, (1 << 18) - 1), max_size=4),
    st.dictionaries(buckets, st.integers(0, (1 << 18) - 1), max_size=4),
)


@given(permissions)
def test_permissions_are_read_as_they_were_written(allowed: Permissions) -> None:
    through = json.loads(json.dumps(written(allowed)))
    assert read_permissions(through) == allowed


def test_admin_is_read_as_it_was_written() -> None:
    assert read_permissions(written(Permissions(admin=True))) == Permissions(admin=True)


@given(st.dictionaries(names, json_values))
def test_any_claims_are_read_or_refused(given_claims: dict[str, Any]) -> None:
    for read in (standard_claims, read_permissions):
        with suppress(TokenError):
            read(given_claims)


rows = st.dictionaries(
    st.sampled_from(["kty", "kid", "use", "alg", "key_ops", "n", "e", "x", "y", "crv", "k", "d"]),
    json_values | st.sampled_from(["RSA", "EC", "oct", "sig", "P-256", "AQAB", "RS256"]),
)


@settings(deadline=None)
@given(st.lists(rows, max_size=5), st.sampled_from([jwk(RSA, "r"), jwk(EC, "e")]), st.binary())
def test_any_key_set_is_read_or_refused(
    many: list[Any], good: dict[str, Any], garbage: bytes
) -> None:
    assert read_key_set(json.dumps({"keys": [*many, good]}).encode(), 100)
    changed = [{**good, **row} for row in many]
    for body in (garbage, json.dumps({"keys": changed}).encode()):
        with suppress(KeySetError):
            read_key_set(body, 100)


def test_base64_is_the_canonical_one() -> None:
    assert encoded(b"\xff\xfe") == base64.urlsafe_b64encode(b"\xff\xfe").rstrip(b"=").decode()
