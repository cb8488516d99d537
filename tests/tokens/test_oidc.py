"""OpenID Connect against an issuer of our own, over https: good days and evil ones."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from jwt.algorithms import HMACAlgorithm

from s3gw.config.auth import Oidc
from s3gw.identity import roles
from s3gw.identity.permissions import Permissions
from s3gw.identity.protocol import Role
from s3gw.identity.tokens.oidc import FIRST_RETRY_S, UNKNOWN_KEY_S, IssuerKeys
from s3gw.identity.tokens.principal import principal_of
from s3gw.native.authn.revoking import revoke_token
from s3gw.outbound.addresses import Allowed
from s3gw.outbound.client import Outbound
from tests.server.certificates import write_certificate
from tests.storage.fake_clock import FakeClock
from tests.tokens.issuer import DISCOVERY, JWKS, Issuer, ec_key, jwk, listening, pem, rsa_key
from tests.tokens.scene import SECRET, START_S, Scene, claims, in_loop, opened, signed

RSA, OTHER_RSA, EC = rsa_key(), rsa_key(), ec_key()


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    made = Issuer({"rsa": RSA, "ec": EC})
    with listening(made, tmp_path):
        yield made


@asynccontextmanager
async def trusting(
    folder: Path, issuer: Issuer, more: str = "", rest: str = "", allow: str = "127.0.0.1"
) -> AsyncIterator[Scene]:
    """A verifier that takes the issuer's tokens; `more` goes into its table, `rest` follows."""
    text = (
        f'[outbound]\nallow = ["{allow}"]\n[auth.oidc]\nallowed_iss = ["{issuer.url}"]\n'
        f'issuer_ca_bundle = "{folder / "issuer.pem"}"\n{more}\n{rest}\n'
    )
    async with opened(folder, text) as scene:
        yield scene


def changed(token: str, **header: Any) -> str:
    """The token with another header, and its old signature."""
    _, payload, signature = token.split(".")
    raw = json.dumps({"alg": "RS256", **header}).encode()
    return f"{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.{payload}.{signature}"


@in_loop
async def test_tokens_of_an_allowed_issuer_are_taken(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as scene:
        for kid in ("rsa", "ec"):
            verified = await scene.taken(issuer.token(kid, claims(aud="x")))
            assert (verified.subject, verified.issuer) == ("john", issuer.url)
            assert (verified.audiences, verified.permissions) == (("x",), Permissions())
        assert issuer.asked == [DISCOVERY, JWKS]


@in_loop
async def test_an_issuers_claims_say_what_the_bearer_may_do(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as scene:
        token = issuer.token("rsa", claims(clusters=[{"id": "", "perm": "771"}]))
        assert (await scene.taken(token)).permissions == Permissions(clusters={"": 771})


@in_loop
async def test_other_issuers_are_refused(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as scene:
        for other in (issuer.url + "/", issuer.url.upper(), "https://evil.example", ""):
            token = issuer.token("rsa", claims(iss=other))
            assert "no issuer" in await scene.refusal(token)


@in_loop
async def test_signature_and_oidc_stand_together(tmp_path: Path, issuer: Issuer) -> None:
    """And neither signs for the other."""
    both = f'[auth.signature]\nkey = "{SECRET}"\nmethod = "HS256"'
    async with trusting(tmp_path, issuer, rest=both) as scene:
        assert (await scene.taken(issuer.token("rsa", claims()))).issuer == issuer.url
        assert (await scene.taken(signed(claims()))).issuer == ""
        assert (await scene.taken(signed(claims(iss="AuthN")))).issuer == ""
        await scene.refusal(signed(claims(iss=issuer.url)))
        await scene.refusal(issuer.token("rsa", claims(iss="AuthN")))
        await scene.refusal(signed(claims(iss=issuer.url), kid="rsa"))


@in_loop
async def test_an_evil_token_of_a_good_issuer_is_refused(tmp_path: Path, issuer: Issuer) -> None:
    good = issuer.token("rsa", claims())
    given = claims(iss=issuer.url)
    evil = {
        "alg none": changed(good, alg="none", kid="rsa"),
        "no signature": changed(good, alg="none", kid="rsa").rpartition(".")[0] + ".",
        "another key": jwt.encode(given, OTHER_RSA, "RS256", {"kid": "rsa"}),
        "RS384 for RS256's signature": changed(good, alg="RS384", kid="rsa"),
        "PS256": jwt.encode(given, RSA, "PS256", {"kid": "rsa"}),
        "ES256 with the id of the RSA key": jwt.encode(given, EC, "ES256", {"kid": "rsa"}),
        "RS256 with the id of the EC key": jwt.encode(given, RSA, "RS256", {"kid": "ec"}),
        "ES256 signed by nobody": changed(good, alg="ES256", kid="ec"),
        "an embedded key": jwt.encode(
            given, OTHER_RSA, "RS256", {"kid": "rsa", "jwk": jwk(OTHER_RSA, "rsa")}
        ),
        "a key elsewhere": jwt.encode(
            given, OTHER_RSA, "RS256", {"kid": "rsa", "jku": issuer.url + "/evil"}
        ),
        "a certificate elsewhere": jwt.encode(
            given, OTHER_RSA, "RS256", {"kid": "rsa", "x5u": issuer.url + "/evil", "x5c": ["MII"]}
        ),
    }
    issuer.answer("/evil", {"keys": [jwk(OTHER_RSA, "rsa")]})
    async with trusting(tmp_path, issuer) as scene:
        await scene.taken(good)
        for name, token in evil.items():
            why = await scene.refusal(token)
            assert "signature" in why or "no such key" in why, name
    assert "/evil" not in issuer.asked


@in_loop
async def test_the_public_keys_are_no_secrets(tmp_path: Path, issuer: Issuer) -> None:
    given = claims(iss=issuer.url)
    modulus = jwk(RSA, "rsa")["n"]
    row = json.dumps(jwk(RSA, "rsa"))
    async with trusting(tmp_path, issuer) as scene:
        for secret in (pem(RSA).decode(), modulus, row, ""):
            for kid in ("rsa", "ec", None):
                token = _hmac_signed(given, secret.encode(), kid)
                assert "no such key" in await scene.refusal(token)


def _hmac_signed(given: dict[str, Any], secret: bytes, kid: str | None) -> str:
    header = {"alg": "HS256", **({"kid": kid} if kid else {})}
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode()
             for each in (header, given)]  # fmt: skip
    unsigned = ".".join(parts)
    mac = HMACAlgorithm(HMACAlgorithm.SHA256).sign(unsigned.encode(), secret)
    return f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "kid",
    ["", "RSA", "../../rsa", "rsa\x00", "rsa' OR '1'='1", "/dev/null", "rsa|ec", "é", "x" * 9000],
)
@in_loop
async def test_a_key_id_is_a_name_and_nothing_else(
    tmp_path: Path, issuer: Issuer, kid: str
) -> None:
    async with trusting(tmp_path, issuer) as scene:
        token = jwt.encode(claims(iss=issuer.url), RSA, "RS256", {"kid": kid})
        if kid:
            assert "no such key" in await scene.refusal(token)
        else:
            # The only key of its kind.
            await scene.taken(token)


@in_loop
async def test_a_token_without_key_id_needs_an_issuer_with_one_key(
    tmp_path: Path, issuer: Issuer
) -> None:
    token = jwt.encode(claims(iss=issuer.url), RSA, "RS256")
    async with trusting(tmp_path, issuer) as scene:
        await scene.taken(token)
        issuer.publish([jwk(RSA, "a"), jwk(OTHER_RSA, "b")])
        scene.clock.advance_s(31)
        await scene.refusal(jwt.encode(claims(iss=issuer.url), RSA, "RS256", {"kid": "c"}))
        assert "no such key" in await scene.refusal(token)


@in_loop
async def test_two_keys_may_share_an_id(tmp_path: Path, issuer: Issuer) -> None:
    issuer.publish([jwk(OTHER_RSA, "same"), jwk(RSA, "same"), jwk(EC, "same")])
    async with trusting(tmp_path, issuer) as scene:
        for key, algorithm in ((RSA, "RS256"), (OTHER_RSA, "RS256"), (EC, "ES256")):
            await scene.taken(signed(claims(iss=issuer.url), key, algorithm, kid="same"))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@in_loop
async def test_keys_that_are_of_no_use_are_passed_over(tmp_path: Path, issuer: Issuer) -> None:
    secret = base64.urlsafe_b64encode(SECRET.encode()).decode()
    weak = rsa_key(1024)
    issuer.publish(
        [
            {"kty": "oct", "kid": "oct", "k": secret},
            jwk(RSA, "encrypting", use="enc"),
            jwk(RSA, "signing only", key_ops=["sign"]),
            jwk(RSA, "pss", alg="PS256"),
            jwk(RSA, "384", alg="RS384"),
            jwk(RSA, "private", d="AQAB"),
            jwk(weak, "weak"),
            {**jwk(EC, "curve"), "crv": "secp256k1"},
            {**jwk(EC, "point"), "x": "AAAA"},
            {"kty": "RSA", "kid": "empty"},
            {"kty": 7, "kid": []},
            "text",
            jwk(EC, "ec"),
        ]
    )
    async with trusting(tmp_path, issuer) as scene:
        for kid in ("encrypting", "signing only", "pss", "384", "private", "empty"):
            await scene.refusal(signed(claims(iss=issuer.url), RSA, "RS256", kid=kid))
        await scene.refusal(signed(claims(iss=issuer.url), weak, "RS256", kid="weak"))
        await scene.refusal(signed(claims(iss=issuer.url), SECRET, "HS256", kid="oct"))
        await scene.taken(signed(claims(iss=issuer.url), RSA, "RS384", kid="384"))
        await scene.taken(issuer.token("ec", claims()))


# The issuer's documents


def huge(size: int) -> dict[str, Any]:
    return {"keys": [jwk(RSA, "rsa")], "filling": "x" * size}


def discovery(by: Issuer, **change: Any) -> dict[str, Any]:
    """The document with other members; None takes one away."""
    given = {"issuer": by.url, "jwks_uri": by.url + JWKS, **change}
    return {name: value for name, value in given.items() if value is not None}


SPOILT_KEYS = [
    lambda issuer: issuer.answer(JWKS, huge(300 << 10)),
    lambda issuer: issuer.answer(JWKS, {"keys": [jwk(RSA, str(n)) for n in range(101)]}),
    lambda issuer: issuer.answer(JWKS, {"keys": []}),
    lambda issuer: issuer.answer(JWKS, {"keys": {"rsa": jwk(RSA, "rsa")}}),
    lambda issuer: issuer.answer(JWKS, [jwk(RSA, "rsa")]),
    lambda issuer: issuer.answers.update({JWKS: (200, {}, b"[" * 100_000)}),
    lambda issuer: issuer.answers.update({JWKS: (404, {}, b"")}),
    lambda issuer: issuer.redirect(JWKS, issuer.url.replace("127.0.0.1", "127.0.0.2") + JWKS),
    lambda issuer: issuer.redirect(JWKS, "https://169.254.169.254/latest/meta-data"),
    lambda issuer: issuer.redirect(JWKS, "http://127.0.0.1/jwks"),
]
SPOILT_DISCOVERY = [
    lambda issuer: discovery(issuer, issuer="https://x"),
    lambda issuer: discovery(issuer, issuer=issuer.url + "/"),
    lambda issuer: discovery(issuer, issuer=None),
    lambda issuer: discovery(issuer, jwks_uri=None),
    lambda issuer: discovery(issuer, jwks_uri="file:///etc/passwd"),
    lambda issuer: discovery(issuer, jwks_uri="https://["),
    lambda issuer: discovery(issuer, jwks_uri="http" + (issuer.url + JWKS)[5:]),
    lambda issuer: [discovery(issuer)],
]


@pytest.mark.parametrize(
    "spoil",
    [
        *SPOILT_KEYS,
        *(lambda issuer, made=made: issuer.answer(DISCOVERY, made(issuer))
          for made in SPOILT_DISCOVERY),
        lambda issuer: issuer.answers.update({DISCOVERY: (200, {}, b'{"issuer":1,"issuer":2}')}),
    ],
)  # fmt: skip
@in_loop
async def test_no_keys_come_from_documents_that_are_not_as_they_should_be(
    tmp_path: Path, issuer: Issuer, spoil: Any
) -> None:
    spoil(issuer)
    async with trusting(tmp_path, issuer) as scene:
        assert "cannot be fetched" in await scene.refusal(issuer.token("rsa", claims()))


@in_loop
async def test_an_issuer_at_a_private_address_must_be_allowed(
    tmp_path: Path, issuer: Issuer
) -> None:
    async with trusting(tmp_path, issuer, allow="10.0.0.0/8") as scene:
        assert "cannot be fetched" in await scene.refusal(issuer.token("rsa", claims()))
    assert issuer.asked == []


@in_loop
async def test_an_issuer_whose_certificate_is_not_vouched_for_is_not_asked(
    tmp_path: Path, issuer: Issuer
) -> None:
    write_certificate(tmp_path / "issuer.pem", tmp_path / "other.key")
    async with trusting(tmp_path, issuer) as scene:
        assert "cannot be fetched" in await scene.refusal(issuer.token("rsa", claims()))
    assert issuer.asked == []


# Keys that change, issuers that are down


@in_loop
async def test_keys_that_are_rotated_are_found_and_old_ones_forgotten(
    tmp_path: Path, issuer: Issuer
) -> None:
    async with trusting(tmp_path, issuer) as scene:
        old = issuer.token("rsa", claims())
        await scene.taken(old)
        issuer.keys = {"new": OTHER_RSA}
        issuer.publish()
        scene.clock.advance_s(int(UNKNOWN_KEY_S) + 1)
        await scene.taken(issuer.token("new", claims()))
        # It was taken before, but its key is gone.
        assert "no such key" in await scene.refusal(old)


@in_loop
async def test_unknown_keys_are_asked_for_at_most_every_thirty_seconds(
    tmp_path: Path, issuer: Issuer
) -> None:
    async with trusting(tmp_path, issuer) as scene:
        await scene.taken(issuer.token("rsa", claims()))
        stranger = signed(claims(iss=issuer.url), OTHER_RSA, "RS256", kid="stranger")
        for _ in range(3):
            await scene.refusal(stranger)
        assert issuer.count(JWKS) == 1
        scene.clock.advance_s(29)
        await scene.refusal(stranger)
        assert issuer.count(JWKS) == 1
        scene.clock.advance_s(1)
        await asyncio.gather(*(scene.refusal(stranger) for _ in range(20)))
        assert issuer.count(JWKS) == 2


@in_loop
async def test_requests_that_wait_for_keys_share_one_fetch(tmp_path: Path, issuer: Issuer) -> None:
    issuer.open.clear()
    async with trusting(tmp_path, issuer) as scene:
        waiting = [asyncio.create_task(scene.taken(issuer.token("rsa", claims(sub=f"s{n}"))))
                   for n in range(20)]  # fmt: skip
        await asyncio.sleep(0)
        # A client that leaves takes the fetch of the others not with it.
        waiting[0].cancel()
        await asyncio.sleep(0)
        issuer.open.set()
        found = await asyncio.gather(*waiting[1:])
        assert [each.subject for each in found] == [f"s{n}" for n in range(1, 20)]
    assert issuer.asked == [DISCOVERY, JWKS]


@asynccontextmanager
async def keys_of(
    folder: Path, issuer: Issuer, **options: Any
) -> AsyncIterator[tuple[IssuerKeys, FakeClock]]:
    """One issuer's keys, with nothing that goes on by itself."""
    clock = FakeClock(START_S)
    settings = Oidc(issuer_ca_bundle=str(folder / "issuer.pem"), **options)
    async with Outbound(Allowed.parse(["127.0.0.1"])) as outbound:
        yield IssuerKeys(issuer.url, settings, outbound, clock), clock


@in_loop
async def test_keys_are_fetched_again_before_they_are_stale(tmp_path: Path, issuer: Issuer) -> None:
    async with keys_of(tmp_path, issuer, jwks_refresh=1000.0) as (keys, clock):
        assert await keys.run_once() == pytest.approx(800)
        clock.advance_s(799)
        assert await keys.run_once() == pytest.approx(1)
        assert issuer.count(JWKS) == 1
        clock.advance_s(1)
        assert await keys.run_once() == pytest.approx(800)
        assert issuer.count(JWKS) == 2


@pytest.mark.parametrize(
    ("said", "fresh_s"),
    [
        ("max-age=2000", 2000),
        ("public, max-age=2000, must-revalidate", 2000),
        ("max-age=5", 900),
        ("no-store", 3600),
        ("max-age=999999", 3600),
        ("max-age=x", 3600),
        ("s-maxage=1000", 3600),
    ],
)
@in_loop
async def test_an_issuer_says_within_bounds_how_long_its_keys_are_fresh(
    tmp_path: Path, issuer: Issuer, said: str, fresh_s: int
) -> None:
    issuer.publish(Cache_Control=said)
    async with keys_of(tmp_path, issuer) as (keys, _):
        assert await keys.run_once() == pytest.approx(fresh_s * 0.8)


@in_loop
async def test_stale_keys_serve_while_the_issuer_is_down_but_not_for_ever(
    tmp_path: Path, issuer: Issuer
) -> None:
    more = 'jwks_refresh = "1h"\njwks_stale = "2h"'
    async with trusting(tmp_path, issuer, more) as scene:
        token = issuer.token("rsa", claims(exp=START_S + 100_000))
        await scene.taken(token)
        issuer.go_down()
        scene.clock.advance_s(3 * 3600 - 1)
        await scene.taken(token)
        await scene.taken(issuer.token("ec", claims(exp=START_S + 100_000)))
        scene.clock.advance_s(1)
        assert "cannot be fetched" in await scene.refusal(token)
        issuer.publish()
        scene.clock.advance_s(31)
        await scene.taken(token)


@in_loop
async def test_an_issuer_that_was_never_reached_is_tried_again_sooner(
    tmp_path: Path, issuer: Issuer
) -> None:
    issuer.go_down()
    async with keys_of(tmp_path, issuer) as (keys, clock):
        assert await keys.run_once() == pytest.approx(FIRST_RETRY_S)
        assert keys.version == 0
        issuer.publish()
        clock.advance_s(int(FIRST_RETRY_S))
        assert await keys.run_once() > UNKNOWN_KEY_S
        issuer.go_down()
        clock.advance_s(3000)
        assert await keys.run_once() == pytest.approx(UNKNOWN_KEY_S)
        assert keys.version == 1


# Roles


def readers(bits: int) -> Role:
    return Role("readers", permissions=Permissions(clusters={"": bits}))


@in_loop
async def test_groups_that_are_names_of_roles_give_what_the_roles_allow(
    tmp_path: Path, issuer: Issuer
) -> None:
    async with trusting(tmp_path, issuer, 'roles_claim = "realm_access.roles"') as scene:
        await roles.add(
            scene.directory, Role("readers", permissions=Permissions(clusters={"": 771}))
        )
        given = claims(realm_access={"roles": ["readers", "nobody", 7]})
        token = issuer.token("rsa", {**given, "clusters": [{"id": "", "perm": "4096"}]})
        assert (await scene.taken(token)).permissions.bits("") == 771 | 4096
        await roles.update(
            scene.directory, Role("readers", permissions=Permissions(clusters={"": 1}))
        )
        assert (await scene.taken(token)).permissions.bits("") == 1 | 4096
        await roles.remove(scene.directory, "readers")
        assert (await scene.taken(token)).permissions.bits("") == 4096


@in_loop
async def test_roles_are_looked_for_where_the_settings_say_and_nowhere_else(
    tmp_path: Path, issuer: Issuer
) -> None:
    token = issuer.token("rsa", claims(groups="Admin", **{"https://x.y/roles": ["Admin"]}))
    for more, admin in (
        ("", False),
        ('roles_claim = "groups"', True),
        ('roles_claim = "https://x.y/roles"', True),
        ('roles_claim = "groups.x"', False),
        ('roles_claim = "sub"', False),
    ):
        async with trusting(tmp_path, issuer, more) as scene:
            assert (await scene.taken(token)).permissions.admin == admin


@in_loop
async def test_an_issuers_tokens_are_no_users(tmp_path: Path, issuer: Issuer) -> None:
    """The claim that marks our own tokens means nothing in theirs."""
    async with trusting(tmp_path, issuer) as scene:
        token = issuer.token("rsa", claims(s3gw="user"))
        verified = await scene.taken(token)
        assert verified.permissions == Permissions()
        assert principal_of(verified).user == f"{issuer.url[8:]}#john"


@in_loop
async def test_an_issuers_token_can_be_revoked(tmp_path: Path, issuer: Issuer) -> None:
    async with trusting(tmp_path, issuer) as scene:
        token = issuer.token("ec", claims())
        await scene.taken(token)
        await revoke_token(scene.directory, token)
        assert "revoked" in await scene.refusal(token)
