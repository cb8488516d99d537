"""Users and roles that come after others of the same name: they inherit nothing."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from s3gw.auth.session import Kind
from s3gw.identity import keys as user_keys
from s3gw.identity import roles, users
from s3gw.identity.protocol import Role
from s3gw.identity.tokens.protocol import BEARER, INCARNATION, USER
from s3gw.sts.issuing import Grant, Issuer
from tests.sts.scene import EVERYTHING, ROOT, Scene, TemporaryKeys, trusting


def is_good(scene: Scene, keys: TemporaryKeys) -> bool:
    """Whether the keys are good for anything; else they must be nobody's."""
    try:
        scene.s3(keys).list_buckets()
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidAccessKeyId":
            raise
        return False
    return True


def again(scene: Scene, name: str, *names: str) -> None:
    """Remove the user and make another, within the same second of the clock."""
    scene.run(users.remove(scene.directory, name))
    scene.run(users.add(scene.directory, name, roles=names))


def test_keys_that_the_owner_issued_end_with_their_user(scene: Scene) -> None:
    key = scene.new_user("Admin")
    issued = Issuer(scene.keys, scene.sealer).issue(Grant(Kind.USER, key.user, 3600))
    keys = TemporaryKeys(issued.session.access_key, issued.session.secret, issued.token)
    assert is_good(scene, keys)
    again(scene, key.user, "Admin")
    assert not is_good(scene, keys)


def test_keys_for_a_users_own_token_end_with_their_user(scene: Scene) -> None:
    key = scene.new_user("Admin")
    user = scene.directory.user(key.user)
    assert user is not None
    claims = {BEARER: USER, INCARNATION: user.incarnation}
    token = scene.web_token(key.user, issuer="", permissions=EVERYTHING, claims=claims)
    keys = scene.by_web_identity("token", token)
    assert is_good(scene, keys)
    again(scene, key.user, "Admin")
    assert not is_good(scene, keys)


@pytest.mark.parametrize("by_role", [False, True])
def test_keys_that_a_key_was_given_end_with_its_user(scene: Scene, *, by_role: bool) -> None:
    key = scene.new_user("Admin")
    keys = (
        scene.assumed(key, "Guest")
        if by_role
        else TemporaryKeys.of(scene.sts(key).get_session_token())
    )
    assert is_good(scene, keys)
    again(scene, key.user, "Admin")
    scene.run(user_keys.add(scene.directory, key.user))
    assert not is_good(scene, keys)


def test_keys_of_a_role_end_with_it(scene: Scene) -> None:
    role = scene.new_role(EVERYTHING, trust=trusting())
    sessions = [scene.assumed(ROOT, role), scene.by_web_identity(role.name, scene.web_token())]
    scene.run(roles.update(scene.directory, Role(role.name, "Other.", EVERYTHING)))
    assert [is_good(scene, each) for each in sessions] == [True, True]
    scene.run(roles.remove(scene.directory, role.name))
    scene.run(roles.add(scene.directory, Role(role.name, permissions=EVERYTHING)))
    assert [is_good(scene, each) for each in sessions] == [False, False]
