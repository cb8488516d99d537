"""AssumeRoleWithWebIdentity: a verified token of a trusted issuer, for temporary keys."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.identity import roles, users
from s3gw.identity.permissions import Permissions
from s3gw.identity.revocation import revoke
from s3gw.identity.tokens.issuer import BEARER, USER
from s3gw.identity.tokens.protocol import TokenError
from tests.sts.scene import (
    EVERYTHING,
    ISSUER,
    NUMBER,
    READER,
    Scene,
    TemporaryKeys,
    arn,
    refused,
    trusting,
)


def refusal(scene: Scene, role: str, token: str, **more: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as error:
        scene.by_web_identity(role, token, **more)
    return refused(error)


def is_good(scene: Scene, keys: TemporaryKeys) -> bool:
    try:
        scene.s3(keys).list_buckets()
    except ClientError:
        return False
    return True


def test_a_trusted_token_is_exchanged_for_keys_of_the_role(scene: Scene) -> None:
    role = scene.new_role(trust=trusting("s3gw", "system:serviceaccount:ml:*"))
    answer = scene.sts(None).assume_role_with_web_identity(
        RoleArn=arn(role.name), RoleSessionName="pod-1", WebIdentityToken=scene.web_token()
    )
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:ml:train"
    assert (answer["Provider"], answer["Audience"]) == (ISSUER, "s3gw,other")
    expected = f"arn:aws:sts::{NUMBER}:assumed-role/{role.name}/pod-1"
    assert answer["AssumedRoleUser"]["Arn"] == expected
    keys = TemporaryKeys.of(answer)
    assert scene.sts(keys).get_caller_identity()["Arn"] == expected
    assert is_good(scene, keys)


@pytest.mark.parametrize(
    ("trust", "subject", "trusted"),
    [
        (trusting(), "anyone", True),
        (trusting("s3gw"), "anyone", True),
        (trusting("elsewhere"), "anyone", False),
        (trusting("", "repo:octo/app:*"), "repo:octo/app:ref:refs/heads/main", True),
        (trusting("", "repo:octo/app:*"), "repo:octo/app-evil:ref:refs/heads/main", False),
        (trusting("", "repo:octo/app:*"), "x:repo:octo/app:ref", False),
        (trusting("", "pod-?"), "pod-1", True),
        (trusting("", "pod-?"), "pod-12", False),
        (trusting("", "pod-[12]"), "pod-1", False),
        (trusting("", "a.c"), "abc", False),
        ((), "anyone", False),
        (trusting("elsewhere") + trusting("other"), "anyone", True),
    ],
)
def test_a_role_trusts_whom_it_says(scene: Scene, trust: Any, subject: str, trusted: bool) -> None:
    role = scene.new_role(trust=trust)
    token = scene.web_token(subject)
    if trusted:
        assert scene.by_web_identity(role.name, token)
    else:
        assert refusal(scene, role.name, token) == (403, "AccessDenied")


def test_another_issuer_is_not_trusted(scene: Scene) -> None:
    role = scene.new_role(trust=trusting())
    for issuer in ("https://issuer.example.com.evil.test", "https://issuer.example.com/", ""):
        token = scene.web_token(issuer=issuer)
        assert refusal(scene, role.name, token) == (403, "AccessDenied")
    assert refusal(scene, "nobody", scene.web_token()) == (403, "AccessDenied")
    assert refusal(scene, "Admin", scene.web_token()) == (403, "AccessDenied")


def test_each_failure_of_a_token_has_its_code(scene: Scene) -> None:
    role = scene.new_role(trust=trusting())
    failures = {
        "expired": (TokenError("the token has expired", expired=True), "ExpiredTokenException"),
        "away": (TokenError("no answer", unreachable=True), "IDPCommunicationError"),
        "wrong": (TokenError("the signature is not good"), "InvalidIdentityToken"),
    }
    for token, (error, code) in failures.items():
        scene.verifier.bad[token] = error
        assert refusal(scene, role.name, token) == (400, code)


def test_a_token_is_never_told_in_an_error(scene: Scene) -> None:
    secret = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9." + "s" * 20_000
    for token in (secret, "abc"):
        with pytest.raises(ClientError) as error:
            scene.by_web_identity("Guest", token)
        assert refused(error) == (400, "ValidationError")
        assert token[:40] not in str(error.value)


def test_the_tokens_own_role_gives_its_own_rights(scene: Scene) -> None:
    bucket = scene.new_bucket()
    reads = scene.by_web_identity("token", scene.web_token("reader", permissions=READER))
    client = scene.s3(reads)
    client.list_objects_v2(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="key")
    assert refused(error) == (403, "AccessDenied")
    told = scene.sts(reads).get_caller_identity()
    assert told["Arn"] == f"arn:aws:sts::{NUMBER}:assumed-role/token/job-1"
    everything = scene.by_web_identity("token", scene.web_token("boss", permissions=EVERYTHING))
    scene.s3(everything).put_object(Bucket=bucket, Key="key")


def test_the_tokens_own_role_lasts_no_longer_than_the_token(scene: Scene) -> None:
    for lasts_s, asked_s, expected_s in [(7200, 3600, 3600), (1800, 3600, 1800)]:
        token = scene.web_token(permissions=READER, lasts_s=lasts_s)
        answer = scene.sts(None).assume_role_with_web_identity(
            RoleArn=arn("token"),
            RoleSessionName="job-1",
            WebIdentityToken=token,
            DurationSeconds=asked_s,
        )
        left_s = answer["Credentials"]["Expiration"].timestamp() - scene.clock.now_s()
        assert abs(left_s - expected_s) <= 1
    over = scene.web_token(permissions=READER, lasts_s=-1)
    assert refusal(scene, "token", over) == (400, "ExpiredTokenException")


def test_another_role_may_outlast_the_token(scene: Scene) -> None:
    role = scene.new_role(trust=trusting())
    answer = scene.sts(None).assume_role_with_web_identity(
        RoleArn=arn(role.name),
        RoleSessionName="job-1",
        WebIdentityToken=scene.web_token(lasts_s=60),
    )
    assert answer["Credentials"]["Expiration"].timestamp() > scene.clock.now_s() + 3500


def test_a_users_own_token_has_the_rights_of_the_user_now(scene: Scene) -> None:
    key = scene.new_user("Guest")
    token = scene.web_token(key.user, issuer="", permissions=EVERYTHING, claims={BEARER: USER})
    keys = scene.by_web_identity("token", token)
    with pytest.raises(ClientError) as error:
        scene.s3(keys).create_bucket(Bucket="not-for-guests")
    assert refused(error) == (403, "AccessDenied")
    scene.run(users.set_roles(scene.directory, key.user, ["ClusterOwner"]))
    scene.s3(keys).create_bucket(Bucket="for-owners")
    scene.run(users.set_enabled(scene.directory, key.user, enabled=False))
    with pytest.raises(ClientError) as error:
        scene.s3(keys).list_buckets()
    assert refused(error) == (403, "InvalidAccessKeyId")
    assert refusal(scene, "token", token) == (403, "AccessDenied")


def test_a_subject_of_an_issuer_is_no_user(scene: Scene) -> None:
    key = scene.new_user("Admin")
    keys = scene.by_web_identity("token", scene.web_token(key.user, claims={BEARER: USER}))
    with pytest.raises(ClientError) as error:
        scene.s3(keys).list_buckets()
    assert refused(error) == (403, "AccessDenied")


def test_to_revoke_the_token_ends_what_was_made_of_it(scene: Scene) -> None:
    role = scene.new_role(trust=trusting())
    token = scene.web_token(permissions=READER)
    sessions = [scene.by_web_identity(name, token) for name in (role.name, "token")]
    assert [is_good(scene, each) for each in sessions] == [True, True]
    scene.run(revoke(scene.directory, token, scene.clock.now_s() + 7200))
    assert [is_good(scene, each) for each in sessions] == [False, False]
    assert refusal(scene, role.name, token) == (400, "InvalidIdentityToken")


def test_a_role_that_is_gone_ends_its_web_identities(scene: Scene) -> None:
    role = scene.new_role(trust=trusting())
    keys = scene.by_web_identity(role.name, scene.web_token())
    scene.run(roles.remove(scene.directory, role.name))
    assert not is_good(scene, keys)


def test_a_policy_narrows_a_web_identity_too(scene: Scene) -> None:
    bucket = scene.new_bucket()
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket",'
        f'"Resource":"arn:aws:s3:::{bucket}"}}]}}'
    )
    token = scene.web_token(permissions=Permissions(admin=True))
    client = scene.s3(scene.by_web_identity("token", token, Policy=policy))
    client.list_objects_v2(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket=bucket, Key="key")
    assert refused(error) == (403, "AccessDenied")


def test_permissions_that_fit_into_no_header_are_refused(scene: Scene) -> None:
    from s3gw.identity.permissions import BucketName

    many = {BucketName(f"bucket-with-a-long-name-{number}"): 1 for number in range(1000)}
    token = scene.web_token(permissions=Permissions(buckets=many))
    assert refusal(scene, "token", token) == (400, "PackedPolicyTooLarge")


def test_a_signature_beside_the_token_is_not_looked_at(scene: Scene) -> None:
    """SDKs send none; who has wrong keys in the environment gets keys all the same."""
    role = scene.new_role(trust=trusting())
    answer = scene.sts(TemporaryKeys("AKIAWRONG", "wrong", "wrong")).assume_role_with_web_identity(
        RoleArn=arn(role.name), RoleSessionName="job-1", WebIdentityToken=scene.web_token()
    )
    assert answer["Credentials"]


def test_a_provider_is_not_chosen_by_the_caller(scene: Scene) -> None:
    refused_with = refusal(scene, "token", scene.web_token(), ProviderId="graph.facebook.com")
    assert refused_with == (400, "ValidationError")
