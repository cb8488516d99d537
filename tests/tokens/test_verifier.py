"""Tokens that are signed with the configured key: which ones are taken, and why others are not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from s3gw.identity.permissions import BucketName, Permissions
from s3gw.identity.tokens.compact import MAX_TOKEN_BYTES, encoded
from s3gw.identity.tokens.protocol import TokenError
from s3gw.native.authn.revoking import revoke_token
from tests.tokens.issuer import ec_key, pem, rsa_key
from tests.tokens.scene import (
    SECRET,
    START_S,
    claims,
    in_loop,
    opened,
    signed,
    with_secret,
)

RSA = rsa_key()
EC = ec_key()


def with_public_key(key: Any, method: str) -> str:
    return f'[auth.signature]\nkey = """{pem(key).decode()}"""\nmethod = "{method}"\n'


def raw(header: dict[str, Any], payload: str | dict[str, Any], secret: str = SECRET) -> str:
    """Signed with HS256, whatever the header says."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    unsigned = f"{encoded(json.dumps(header).encode())}.{encoded(text.encode())}"
    mac = hmac.new(secret.encode(), unsigned.encode(), hashlib.sha256).digest()
    return f"{unsigned}.{encoded(mac)}"


@in_loop
async def test_a_token_says_who_its_bearer_is_and_what_they_may_do(tmp_path: Path) -> None:
    given = claims(
        aud=["a", "b"],
        clusters=[{"id": "c1", "perm": "4096"}],
        buckets=[{"bck": {"name": "b", "namespace": {"uuid": "c1", "name": ""}}, "perm": 771}],
    )
    async with opened(tmp_path, with_secret()) as scene:
        verified = await scene.taken(signed(given))
    assert (verified.subject, verified.issuer, verified.audiences) == ("john", "", ("a", "b"))
    assert verified.expires_s == given["exp"]
    assert verified.claims == given
    bucket = BucketName("b", cluster="c1")
    assert verified.permissions == Permissions(clusters={"c1": 4096}, buckets={bucket: 771})


@pytest.mark.parametrize("method", ["HS256", "hs384", "HS512", "HMAC", "hmac"])
@in_loop
async def test_a_secret_verifies_what_its_method_allows(tmp_path: Path, method: str) -> None:
    text = f'[auth.signature]\nkey = "{SECRET}"\nmethod = "{method}"\n'
    named = method.upper()
    allowed = ["HS256", "HS384", "HS512"] if named == "HMAC" else [named]
    async with opened(tmp_path, text) as scene:
        for algorithm in ("HS256", "HS384", "HS512"):
            token = signed(claims(), method=algorithm)
            if algorithm in allowed:
                assert (await scene.taken(token)).subject == "john"
            else:
                assert "signature" in await scene.refusal(token)


@pytest.mark.parametrize(
    ("key", "method", "allowed"),
    [
        (RSA, "RSA", ["RS256", "RS384", "RS512"]),
        (RSA, "rs384", ["RS384"]),
        (EC, "ES256", ["ES256"]),
    ],
)
@in_loop
async def test_a_public_key_verifies_what_its_method_allows(
    tmp_path: Path, key: Any, method: str, allowed: list[str]
) -> None:
    async with opened(tmp_path, with_public_key(key, method)) as scene:
        for algorithm in ("RS256", "RS384", "RS512", "PS256", "ES256"):
            signer = EC if algorithm == "ES256" else RSA
            token = signed(claims(), signer, algorithm)
            if algorithm in allowed:
                assert (await scene.taken(token)).subject == "john"
            else:
                assert "signature" in await scene.refusal(token)


@in_loop
async def test_the_public_key_is_no_secret_of_an_hmac(tmp_path: Path) -> None:
    async with opened(tmp_path, with_public_key(RSA, "RS256")) as scene:
        for secret in (pem(RSA), pem(RSA).strip(), pem(RSA).replace(b"\n", b"")):
            token = raw({"alg": "HS256"}, claims(), secret.decode())
            assert "signature" in await scene.refusal(token)


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", "HS256 ", "RS256"])
@in_loop
async def test_no_token_is_taken_without_its_signature(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        unsigned = raw({"alg": name}, claims()).rpartition(".")[0]
        assert "signature" in await scene.refusal(f"{unsigned}.")
        assert "signature" in await scene.refusal(raw({"alg": name}, claims()))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"exp": None}, "when it expires"),
        ({"exp": START_S - 30}, "expired"),
        ({"exp": "tomorrow"}, "exp is malformed"),
        ({"exp": str(START_S + 60)}, "exp is malformed"),
        ({"exp": True}, "exp is malformed"),
        ({"exp": -1}, "exp is malformed"),
        ({"exp": 10**30}, "exp is malformed"),
        ({"nbf": START_S + 31}, "not valid yet"),
        ({"iat": START_S + 31}, "issued in the future"),
        ({"nbf": "now"}, "nbf is malformed"),
        ({"sub": None}, "subject"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "sub is malformed"),
        ({"sub": "a\nb"}, "subject"),
        ({"sub": "a" * 513}, "subject"),
        ({"iss": 7}, "iss is malformed"),
        ({"aud": 7}, "aud is malformed"),
        ({"aud": [7]}, "aud is malformed"),
        ({"admin": "true"}, "admin is malformed"),
        ({"admin": 1}, "admin is malformed"),
        ({"clusters": {}}, "clusters is malformed"),
        ({"clusters": [7]}, "clusters is malformed"),
        ({"clusters": [{"id": 7}]}, "id is malformed"),
        ({"clusters": [{"id": "", "perm": "lots"}]}, "perm is malformed"),
        ({"clusters": [{"id": "", "perm": -1}]}, "perm is malformed"),
        ({"clusters": [{"id": "", "perm": 2**64}]}, "perm is malformed"),
        ({"clusters": [{"id": "", "perm": 1.5}]}, "perm is malformed"),
        ({"clusters": [{"id": "", "perm": True}]}, "perm is malformed"),
        ({"buckets": [{"perm": "1"}]}, "buckets is malformed"),
        ({"buckets": [{"bck": "b", "perm": "1"}]}, "bck is malformed"),
        ({"buckets": [{"bck": {"name": "b", "namespace": []}}]}, "namespace is malformed"),
        ({"expires": "soon", "exp": None}, "expires is malformed"),
        ({"expires": "2030-01-01T00:00:00"}, "expires is malformed"),
    ],
)
@in_loop
async def test_what_is_wrong_with_a_token_is_said(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        assert why in await scene.refusal(raw({"alg": "HS256"}, claims(**change)))


@in_loop
async def test_times_are_taken_with_the_leeway_and_no_more(tmp_path: Path) -> None:
    async with opened(tmp_path, with_secret("leeway_s = 10")) as scene:
        for good in ({"exp": START_S - 9}, {"nbf": START_S + 10}, {"iat": START_S + 10}):
            await scene.taken(signed(claims(**good)))
        for bad in ({"exp": START_S - 10}, {"nbf": START_S + 11}, {"iat": START_S + 11}):
            await scene.refusal(signed(claims(**bad)))


@in_loop
async def test_a_token_that_is_kept_expires_all_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path, with_secret("leeway_s = 10")) as scene:
        token = signed(claims(exp=START_S + 100))
        await scene.taken(token)
        scene.clock.advance_s(109)
        await scene.taken(token)
        scene.clock.advance_s(1)
        with pytest.raises(TokenError) as caught:
            await scene.verifier.verify(token)
        assert caught.value.expired


@in_loop
async def test_a_token_must_be_for_one_of_the_audiences(tmp_path: Path) -> None:
    text = with_secret() + '[auth.required_claims]\naud = ["s3gw", "other"]\n'
    async with opened(tmp_path, text) as scene:
        await scene.taken(signed(claims(aud="other")))
        await scene.taken(signed(claims(aud=["x", "s3gw"])))
        for aud in (None, "x", ["x", "S3GW"], []):
            assert "audience" in await scene.refusal(signed(claims(aud=aud)))


@in_loop
async def test_the_claims_of_older_releases_are_understood(tmp_path: Path) -> None:
    old = {"username": "john", "expires": "2023-11-14T23:13:20.123456789+00:00"}
    async with opened(tmp_path, with_secret()) as scene:
        verified = await scene.taken(signed({**old, "clusters": None, "buckets": None}))
        assert (verified.subject, verified.expires_s) == ("john", START_S + 3600)
        earlier = await scene.taken(signed(claims(expires="2023-11-14T23:00:00Z")))
        assert earlier.expires_s == START_S + 2800


@in_loop
async def test_the_number_of_the_oldest_permissions_means_reading(tmp_path: Path) -> None:
    given = claims(clusters=[{"id": "", "perm": "18446744073709551587"}])
    async with opened(tmp_path, with_secret()) as scene:
        assert (await scene.taken(signed(given))).permissions.clusters == {"": 771}


@in_loop
async def test_of_two_claims_about_the_same_the_first_counts(tmp_path: Path) -> None:
    rows = [{"id": "c", "perm": "1"}, {"id": "c", "perm": "771"}]
    async with opened(tmp_path, with_secret()) as scene:
        verified = await scene.taken(signed(claims(clusters=rows)))
    assert verified.permissions.clusters == {"c": 1}


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({"alg": "HS256", "crit": ["exp"]}, "extension"),
        ({"alg": "HS256", "b64": False, "crit": ["b64"]}, "extension"),
        ({"alg": 7}, "no algorithm"),
        ({}, "no algorithm"),
        ({"alg": "HS256", "kid": 7}, "key id"),
    ],
)
@in_loop
async def test_a_header_that_is_not_understood_is_refused(
    tmp_path: Path, header: dict[str, Any], why: str
) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        assert why in await scene.refusal(raw(header, claims()))


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "anything", 7])
@in_loop
async def test_the_type_of_a_token_is_of_no_consequence(tmp_path: Path, typ: Any) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        await scene.taken(raw({"alg": "HS256", "typ": typ}, claims()))


@pytest.mark.parametrize(
    "payload",
    [
        '{"sub":"a","exp":1700000100,"exp":1900000000}',
        '{"sub":"a","exp":1700000100,"x":{"y":1,"y":2}}',
        '{"sub":"a","exp":NaN}',
        '{"sub":"a","exp":1e999}',
        '{"sub":"\\ud800","exp":1700000100}',
        '{"sub":"a","exp":1700000100,"x":"\\udfff"}',
        '["sub"]',
        "7",
        "",
        "{",
        "\ufeff{}",
        "[" * 11000,
        '{"exp":' + "9" * 8000 + "}",
    ],
)
@in_loop
async def test_claims_that_two_readers_could_read_differently_are_refused(
    tmp_path: Path, payload: str
) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        await scene.refusal(raw({"alg": "HS256"}, payload))


@in_loop
async def test_other_spellings_of_a_token_are_other_tokens(tmp_path: Path) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        token = signed(claims())
        await scene.taken(token)
        head, _, last = token[:-1], "", token[-1]
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        others = [head + letter for letter in alphabet if letter != last]
        others += [token + "=", token + "\n", " " + token, token + ".", token.replace(".", "..")]
        others += [token + "A", token.upper(), base64.b64encode(token.encode()).decode(), "", ".."]
        for other in others:
            await scene.refusal(other)


@in_loop
async def test_a_token_may_be_so_long_and_no_longer(tmp_path: Path) -> None:
    def with_length(wanted: int) -> str:
        for more in range(wanted * 3 // 4 - 400, wanted):
            token = signed(claims(x="a" * more))
            if len(token) >= wanted:
                return token
        raise AssertionError

    async with opened(tmp_path, with_secret()) as scene:
        longest = with_length(MAX_TOKEN_BYTES - 2)
        assert len(longest) <= MAX_TOKEN_BYTES
        await scene.taken(longest)
        assert "longer" in await scene.refusal(with_length(MAX_TOKEN_BYTES + 1))


@in_loop
async def test_a_revoked_token_is_refused_at_once_and_by_all(tmp_path: Path) -> None:
    token = signed(claims())
    async with opened(tmp_path, with_secret()) as scene, opened(tmp_path, with_secret()) as other:
        await scene.taken(token)
        await other.taken(token)
        await revoke_token(scene.directory, token)
        assert "revoked" in await scene.refusal(token)
        assert "revoked" in await other.refusal(token)
    async with opened(tmp_path, with_secret()) as restarted:
        assert "revoked" in await restarted.refusal(token)


@in_loop
async def test_a_revoked_token_stays_so_until_it_has_expired(tmp_path: Path) -> None:
    """Whatever is forgotten meanwhile, to make room."""
    async with opened(tmp_path, with_secret("leeway_s = 60")) as scene:
        token = signed(claims(exp=START_S + 100))
        await revoke_token(scene.directory, token)
        scene.clock.advance_s(159)
        await revoke_token(scene.directory, signed(claims(exp=START_S + 1000)))
        assert "revoked" in await scene.refusal(token)
        scene.clock.advance_s(1)
        assert "expired" in await scene.refusal(token)


@in_loop
async def test_a_revoked_token_is_known_as_long_as_keys_that_it_was_exchanged_for_may_last(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        token = signed(claims(exp=START_S + 100))
        await revoke_token(scene.directory, token)
        scene.clock.advance_s(100 + 12 * 3600)
        await revoke_token(scene.directory, signed(claims(exp=START_S + 100_000)))
        assert scene.directory.is_revoked(token)


@in_loop
async def test_the_twin_of_a_revoked_signature_is_revoked(tmp_path: Path) -> None:
    """Of an ECDSA signature (r, s) everybody can make (r, n - s), which is good as well."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    token = signed(claims(), EC, "ES256")
    unsigned, _, last = token.rpartition(".")
    signature = base64.urlsafe_b64decode(last + "==")
    s = order - int.from_bytes(signature[32:])
    twin = f"{unsigned}.{encoded(signature[:32] + s.to_bytes(32))}"
    assert jwt.decode(twin, EC.public_key(), ["ES256"], {"verify_exp": False})
    async with opened(tmp_path, with_public_key(EC, "ES256")) as scene:
        await scene.taken(twin)
        await revoke_token(scene.directory, token)
        assert "revoked" in await scene.refusal(twin)
