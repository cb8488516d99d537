"""Tokens of our own, for the owner of the data folder and for users."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from s3gw.identity import roles, users
from s3gw.identity.permissions import BucketName, Permissions
from s3gw.identity.protocol import Role
from s3gw.identity.tokens.issuer import CannotIssue, Issued
from s3gw.identity.tokens.keys import OWN_SECRET
from s3gw.identity.tokens.principal import principal_of
from tests.tokens.issuer import pem, rsa_key
from tests.tokens.scene import SECRET, START_S, Scene, in_loop, opened, signed, with_secret

READERS = Role("readers", permissions=Permissions(clusters={"c": 771}))
WRITERS = Role("writers", permissions=Permissions(buckets={BucketName("b"): 831}))


async def add_user(scene: Scene, name: str, *given: str) -> None:
    await users.add(scene.directory, name, roles=given)


def token_of(scene: Scene, name: str, ttl_s: int = 3600) -> Issued:
    user = scene.directory.user(name)
    assert user is not None
    return scene.issuer.for_user(user, scene.directory.permissions_of(user), ttl_s)


@in_loop
async def test_the_owners_token_may_do_everything_until_it_expires(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        issued = scene.issuer.for_owner(3600)
        assert issued.expires_s == START_S + 3600
        verified = await scene.taken(issued.token)
        assert (verified.subject, verified.issuer) == ("root", "")
        assert verified.permissions.admin
        scene.clock.advance_s(3630)
        assert "expired" in await scene.refusal(issued.token)


@in_loop
async def test_no_two_tokens_are_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        assert scene.issuer.for_owner(60).token != scene.issuer.for_owner(60).token


@in_loop
async def test_our_tokens_are_good_after_a_restart_and_nowhere_else(tmp_path: Path) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    async with opened(here) as scene:
        token = scene.issuer.for_owner(3600).token
    async with opened(here) as restarted:
        await restarted.taken(token)
    async with opened(elsewhere) as other:
        assert "no issuer" in await other.refusal(token)


@in_loop
async def test_our_secret_is_sealed_where_it_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        secret = await scene.directory.secret(OWN_SECRET, lambda: b"")
        assert len(secret) == 64
        await scene.taken(scene.issuer.for_owner(3600).token)
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("coordination.db*"))
    assert secret not in kept
    assert secret.hex().encode() not in kept


@in_loop
async def test_a_users_token_tells_what_the_user_may_do(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        await roles.add(scene.directory, READERS)
        await roles.add(scene.directory, WRITERS)
        await add_user(scene, "alice", "readers", "writers")
        issued = token_of(scene, "alice")
        told = jwt.decode(issued.token, options={"verify_signature": False})
        assert {"id": "c", "perm": "771"} in told["clusters"]
        named = [row["bck"]["name"] for row in told["buckets"]]
        assert set(named) == {"b"}
        verified = await scene.taken(issued.token)
        assert verified.subject == "alice"
        assert verified.permissions.bits("c") == 771
        assert verified.permissions.bits("c", BucketName("b")) == 771 | 831


@in_loop
async def test_what_is_taken_from_a_user_is_taken_from_the_token(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        await roles.add(scene.directory, READERS)
        await add_user(scene, "alice", "readers")
        token = token_of(scene, "alice").token
        assert (await scene.taken(token)).permissions.bits("c") == 771
        await users.set_roles(scene.directory, "alice", [])
        assert (await scene.taken(token)).permissions.bits("c") == 0
        await users.set_enabled(scene.directory, "alice", enabled=False)
        assert "disabled" in await scene.refusal(token)
        await users.set_enabled(scene.directory, "alice", enabled=True)
        await scene.taken(token)
        await users.remove(scene.directory, "alice")
        assert "gone" in await scene.refusal(token)


@in_loop
async def test_a_new_user_of_the_name_does_not_get_the_old_ones_tokens(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        await add_user(scene, "alice", "Admin")
        token = token_of(scene, "alice").token
        await scene.taken(token)
        await users.remove(scene.directory, "alice")
        # Within the same second.
        await add_user(scene, "alice", "Guest")
        assert "gone" in await scene.refusal(token)


@in_loop
async def test_our_tokens_hold_when_the_clock_is_set_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as scene:
        await add_user(scene, "alice", "Guest")
        tokens = [token_of(scene, "alice").token, scene.issuer.for_owner(24 * 3600).token]
        scene.clock.advance_s(-3600)
        tokens.append(token_of(scene, "alice").token)
        for each in tokens:
            await scene.taken(each)


@in_loop
async def test_a_configured_secret_signs_what_other_clusters_take(tmp_path: Path) -> None:
    async with opened(tmp_path, with_secret()) as scene:
        token = scene.issuer.for_owner(3600).token
        told = jwt.decode(token, SECRET, ["HS256"], {"verify_exp": False, "verify_iat": False})
        assert told["admin"] is True
        await scene.taken(token)


@in_loop
async def test_with_a_public_key_our_own_secret_signs(tmp_path: Path) -> None:
    key = rsa_key()
    text = f'[auth.signature]\nkey = """{pem(key).decode()}"""\nmethod = "RSA"\n'
    async with opened(tmp_path, text) as scene:
        token = scene.issuer.for_owner(3600).token
        assert jwt.get_unverified_header(token)["kid"].startswith("s3gw-")
        await scene.taken(token)
        given = {"sub": "john", "exp": START_S + 60}
        await scene.taken(signed(given, key, "RS256"))
        kid = jwt.get_unverified_header(token)["kid"]
        assert "signature" in await scene.refusal(signed(given, key, "RS256", kid=kid))


@in_loop
async def test_our_tokens_are_for_the_audience_that_is_asked_for(tmp_path: Path) -> None:
    text = '[auth.required_claims]\naud = ["one", "two"]\n'
    async with opened(tmp_path, text) as scene:
        assert (await scene.taken(scene.issuer.for_owner(60).token)).audiences == ("one", "two")


@pytest.mark.parametrize("ttl_s", [0, -1, 20 * 365 * 86400 + 1])
@in_loop
async def test_a_token_lasts_for_a_time(tmp_path: Path, ttl_s: int) -> None:
    async with opened(tmp_path) as scene:
        with pytest.raises(CannotIssue, match=r"auth\.longest_token"):
            scene.issuer.for_owner(ttl_s)


@in_loop
async def test_permissions_that_no_token_can_hold_are_said_to_be_too_many(tmp_path: Path) -> None:
    buckets = {BucketName(f"bucket-{number}"): 771 for number in range(500)}
    async with opened(tmp_path) as scene:
        await roles.add(scene.directory, Role("many", permissions=Permissions(buckets=buckets)))
        await add_user(scene, "alice", "many")
        with pytest.raises(CannotIssue, match="too many"):
            token_of(scene, "alice")


@in_loop
async def test_only_our_own_tokens_are_those_of_users(tmp_path: Path) -> None:
    """A stranger's john is not ours, whose name policies and roles may hold."""
    async with opened(tmp_path, with_secret()) as scene:
        await add_user(scene, "john")
        strangers = await scene.taken(signed({"sub": "john", "exp": START_S + 60}))
        assert principal_of(strangers).user == "token#john"
        ours = await scene.taken(token_of(scene, "john").token)
        assert principal_of(ours).user == "john"
        assert principal_of(await scene.taken(scene.issuer.for_owner(60).token)).user == "root"
