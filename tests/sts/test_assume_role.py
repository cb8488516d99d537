"""AssumeRole and GetSessionToken: who gets which temporary keys, how long, and what ends them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.identity import keys as user_keys
from s3gw.identity import roles, users
from s3gw.identity.accounts import ROOT_ACCOUNT
from s3gw.identity.protocol import Role
from s3gw.identity.revocation import revoke
from tests.s3.gateway import BOB
from tests.sts.scene import (
    NUMBER,
    READER,
    ROOT,
    WRITER,
    Scene,
    TemporaryKeys,
    arn,
    parts_of,
    refused,
    trusting,
)

WANTED = {"RoleSessionName": "job-1"}


def refusal(scene: Scene, keys: Any, **more: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as error:
        scene.sts(keys).assume_role(**(WANTED | more))
    return refused(error)


def message(scene: Scene, keys: Any, **more: Any) -> str:
    with pytest.raises(ClientError) as error:
        scene.sts(keys).assume_role(**(WANTED | more))
    return str(error.value.response["Error"]["Message"])


def may_list(scene: Scene, keys: Any) -> bool:
    """Whether the keys are good for anything; else they must be nobody's."""
    try:
        scene.s3(keys).list_buckets()
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidAccessKeyId":
            raise
        return False
    return True


def lasts_s(scene: Scene, answer: Any) -> int:
    expires_s: float = answer["Credentials"]["Expiration"].timestamp()
    return round(expires_s) - scene.clock.now_s()


# Who may


def test_a_user_assumes_a_role_that_it_has(scene: Scene) -> None:
    role = scene.new_role()
    key = scene.new_user(role.name)
    answer = scene.sts(key).assume_role(RoleArn=arn(role.name), **WANTED)
    told = answer["AssumedRoleUser"]
    assert told["Arn"] == f"arn:aws:sts::{NUMBER}:assumed-role/{role.name}/job-1"
    assert told["AssumedRoleId"].endswith(":job-1")
    assert "PackedPolicySize" not in answer
    assert may_list(scene, TemporaryKeys.of(answer))


def test_a_role_may_be_named_by_the_root_accounts_id_too(scene: Scene) -> None:
    role = scene.new_role()
    name = f"arn:aws:iam::{ROOT_ACCOUNT}:role/{role.name}"
    assert scene.sts(ROOT).assume_role(RoleArn=name, **WANTED)["Credentials"]


def test_the_root_account_and_admins_assume_any_role(scene: Scene) -> None:
    role = scene.new_role()
    for keys in (ROOT, scene.new_user("Admin")):
        for name in (role.name, "Admin", "ClusterOwner", "BucketOwner", "Guest"):
            assert may_list(scene, scene.assumed(keys, name))


def test_nobody_else_does(scene: Scene) -> None:
    role, other = scene.new_role(), scene.new_role(trust=trusting())
    key = scene.new_user(role.name)
    wanted = [(key, other.name), (key, "Admin"), (BOB, role.name), (BOB, "Guest")]
    for keys, name in wanted:
        assert refusal(scene, keys, RoleArn=arn(name)) == (403, "AccessDenied")


def test_a_role_that_is_not_there_looks_like_one_of_others(scene: Scene) -> None:
    role = scene.new_role()
    key = scene.new_user()
    texts = [
        message(scene, key, RoleArn=arn(name)).replace(name, "*") for name in (role.name, "nobody")
    ]
    assert texts[0] == texts[1]
    for foreign in (
        "arn:aws:iam::123456789012:role/Guest",
        f"arn:aws:iam::{NUMBER}:user/Guest",
        f"arn:aws:sts::{NUMBER}:assumed-role/Guest/job",
        "arn:aws:s3:::some-bucket",
    ):
        assert refusal(scene, ROOT, RoleArn=foreign) == (403, "AccessDenied")


def test_the_tokens_own_role_is_for_tokens_only(scene: Scene) -> None:
    assert refusal(scene, ROOT, RoleArn=arn("token")) == (403, "AccessDenied")


def test_nobody_gets_from_one_role_to_another(scene: Scene) -> None:
    role, other = scene.new_role(), scene.new_role()
    key = scene.new_user(role.name, other.name)
    for keys in (scene.assumed(key, role), scene.assumed(ROOT, "Admin")):
        assert refusal(scene, keys, RoleArn=arn(other.name)) == (403, "AccessDenied")
        with pytest.raises(ClientError) as error:
            scene.sts(keys).get_session_token()
        assert refused(error) == (403, "AccessDenied")


def test_a_users_session_assumes_its_roles(scene: Scene) -> None:
    role = scene.new_role()
    key = scene.new_user(role.name)
    session = TemporaryKeys.of(scene.sts(key).get_session_token())
    assumed = scene.assumed(session, role)
    assert may_list(scene, assumed)
    scene.run(user_keys.set_enabled(scene.directory, key.access_key, enabled=False))
    assert not may_list(scene, assumed)


def test_a_bearer_token_assumes_nothing_this_way(scene: Scene) -> None:
    token = scene.web_token("boss", permissions=READER.__class__(admin=True))
    body = f"Action=AssumeRole&Version=2011-06-15&RoleArn={arn('Guest')}&RoleSessionName=job-1"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "authorization": f"Bearer {token}",
    }
    answer = scene.send("POST", "/", headers, body.encode())
    assert (answer.status, b"<Code>AccessDenied</Code>" in answer.body) == (403, True)


# For how long


@pytest.mark.parametrize(
    ("most_s", "asked", "lasts"),
    [
        (3600, {}, 3600),
        (900, {}, 900),
        (7200, {}, 3600),
        (7200, {"DurationSeconds": 7200}, 7200),
        (3600, {"DurationSeconds": 900}, 900),
        (43200, {"DurationSeconds": 43200}, 43200),
    ],
)
def test_a_role_is_assumed_for_as_long_as_it_says(
    scene: Scene, most_s: int, asked: dict[str, int], lasts: int
) -> None:
    role = scene.new_role(max_session_s=most_s)
    answer = scene.sts(ROOT).assume_role(RoleArn=arn(role.name), **WANTED, **asked)
    assert abs(lasts_s(scene, answer) - lasts) <= 1


@pytest.mark.parametrize(
    ("most_s", "asked_s"), [(3600, 3601), (3600, 899), (43200, 43201), (3600, -1), (3600, 0)]
)
def test_a_role_is_not_assumed_for_longer_or_for_less(
    scene: Scene, most_s: int, asked_s: int
) -> None:
    role = scene.new_role(max_session_s=most_s)
    refused_with = refusal(scene, ROOT, RoleArn=arn(role.name), DurationSeconds=asked_s)
    assert refused_with == (400, "ValidationError")


def test_an_accounts_session_lasts_an_hour_at_most(scene: Scene) -> None:
    for asked, lasts in [
        ({}, 3600),
        ({"DurationSeconds": 900}, 900),
        ({"DurationSeconds": 129600}, 3600),
    ]:
        answer = scene.sts(ROOT).get_session_token(**asked)
        assert abs(lasts_s(scene, answer) - lasts) <= 1


def test_a_users_session_lasts_up_to_a_day_and_a_half(scene: Scene) -> None:
    key = scene.new_user()
    for asked, lasts in [({}, 43200), ({"DurationSeconds": 129600}, 129600)]:
        answer = scene.sts(key).get_session_token(**asked)
        assert abs(lasts_s(scene, answer) - lasts) <= 1
    with pytest.raises(ClientError) as error:
        scene.sts(key).get_session_token(DurationSeconds=129601)
    assert refused(error) == (400, "ValidationError")


def test_a_session_is_good_until_its_last_second_and_no_longer(scene: Scene) -> None:
    scene.clock.shift_s = -890
    answer = scene.sts(ROOT).assume_role(RoleArn=arn("Guest"), DurationSeconds=900, **WANTED)
    keys = TemporaryKeys.of(answer)
    expires_s = answer["Credentials"]["Expiration"].timestamp()
    for left_s, is_good in [(5, True), (-1, False)]:
        scene.clock.shift_s += round(expires_s - left_s - scene.clock.now_s())
        if is_good:
            scene.s3(keys).list_buckets()
            assert scene.sts(keys).get_caller_identity()
            continue
        with pytest.raises(ClientError) as error:
            scene.s3(keys).list_buckets()
        assert refused(error) == (400, "ExpiredToken")
        with pytest.raises(ClientError) as error:
            scene.sts(keys).get_caller_identity()
        assert refused(error) == (403, "ExpiredToken")


# What ends a session before its time


def test_disabling_the_user_or_the_key_ends_its_sessions(scene: Scene) -> None:
    role = scene.new_role()
    key = scene.new_user(role.name)
    sessions = [
        TemporaryKeys.of(scene.sts(key).get_session_token()),
        scene.assumed(key, role),
    ]
    assert [may_list(scene, each) for each in sessions] == [True, True]
    scene.run(users.set_enabled(scene.directory, key.user, enabled=False))
    assert [may_list(scene, each) for each in sessions] == [False, False]
    scene.run(users.set_enabled(scene.directory, key.user, enabled=True))
    assert [may_list(scene, each) for each in sessions] == [True, True]
    scene.run(user_keys.set_enabled(scene.directory, key.access_key, enabled=False))
    assert [may_list(scene, each) for each in sessions] == [False, False]


def test_taking_the_role_away_ends_its_sessions(scene: Scene) -> None:
    role = scene.new_role()
    key = scene.new_user(role.name)
    session = scene.assumed(key, role)
    scene.run(users.set_roles(scene.directory, key.user, ["Guest"]))
    assert not may_list(scene, session)


def test_a_role_that_is_gone_has_no_sessions(scene: Scene) -> None:
    role = scene.new_role()
    session = scene.assumed(ROOT, role)
    assert may_list(scene, session)
    scene.run(roles.remove(scene.directory, role.name))
    assert not may_list(scene, session)


def test_a_session_has_the_rights_that_its_role_has_now(scene: Scene) -> None:
    role, bucket = scene.new_role(READER), scene.new_bucket()
    session = scene.s3(scene.assumed(ROOT, role))
    with pytest.raises(ClientError) as error:
        session.put_object(Bucket=bucket, Key="key", Body=b"1")
    assert refused(error) == (403, "AccessDenied")
    scene.run(roles.update(scene.directory, Role(role.name, permissions=WRITER)))
    session.put_object(Bucket=bucket, Key="key", Body=b"1")


def test_a_session_that_was_revoked_stays_so(scene: Scene) -> None:
    session = scene.assumed(ROOT, "Guest")
    assert may_list(scene, session)
    scene.run(revoke(scene.directory, session.token, scene.clock.now_s() + 3600))
    for ask in (scene.s3(session).list_buckets, scene.sts(session).get_caller_identity):
        with pytest.raises(ClientError) as error:
            ask()
        assert refused(error) in [(400, "InvalidToken"), (403, "InvalidClientTokenId")]


def test_a_session_of_the_root_account_is_root_until_its_key_is_another(scene: Scene) -> None:
    session = TemporaryKeys.of(scene.sts(ROOT).get_session_token())
    scene.s3(session).create_bucket(Bucket="made-by-roots-session")
    for changed in ({"ROOT-KEY": "another-secret"}, {"OTHER-KEY": "root-secret"}):
        credentials = scene.keys.credentials.__class__(
            scene.accounts.__class__(ROOT.__class__(ROOT_ACCOUNT, secrets=changed)),
            scene.directory,
        )
        opened = scene.sealer.open(session.token)
        assert scene.keys.credentials.principal_for_session(opened, scene.sealer) is not None
        assert credentials.principal_for_session(opened, scene.sealer) is None


# What a session policy does

READ_ONE = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::*/open/*"}]}'
)


def test_a_session_policy_only_narrows(scene: Scene) -> None:
    bucket = scene.new_bucket()
    for key in ("open/1", "closed/1"):
        scene.s3().put_object(Bucket=bucket, Key=key, Body=b"1")
    for name in ("Admin", "Guest"):
        session = scene.s3(scene.assumed(ROOT, name, Policy=READ_ONE))
        assert session.get_object(Bucket=bucket, Key="open/1")["Body"].read() == b"1"
        for refuse in (
            lambda: session.get_object(Bucket=bucket, Key="closed/1"),  # noqa: B023
            lambda: session.put_object(Bucket=bucket, Key="open/2"),  # noqa: B023
            session.list_buckets,
        ):
            with pytest.raises(ClientError) as error:
                refuse()
            assert refused(error) == (403, "AccessDenied")


def test_the_answer_tells_how_large_the_policy_is(scene: Scene) -> None:
    answer = scene.sts(ROOT).assume_role(RoleArn=arn("Guest"), Policy=READ_ONE, **WANTED)
    assert answer["PackedPolicySize"] == -(-100 * len(READ_ONE) // 2048)


def test_a_policy_that_cannot_be_read_or_is_too_large_is_refused(scene: Scene) -> None:
    for policy in ("no", "{}", READ_ONE.replace("Allow", "Perhaps")):
        wanted = {"RoleArn": arn("Guest"), "Policy": policy}
        assert refusal(scene, ROOT, **wanted) == (400, "MalformedPolicyDocument")
    fits = READ_ONE + " " * (2048 - len(READ_ONE))
    assert scene.assumed(ROOT, "Guest", Policy=fits)
    wanted = {"RoleArn": arn("Guest"), "Policy": fits + " "}
    assert refusal(scene, ROOT, **wanted) == (400, "PackedPolicyTooLarge")


# What is not there is refused by name


@pytest.mark.parametrize(
    "more",
    [
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]},
        {"Tags": [{"Key": "team", "Value": "ml"}]},
        {"TransitiveTagKeys": ["team"]},
        {"ExternalId": "external"},
        {"SerialNumber": "arn:aws:iam::1:mfa/x", "TokenCode": "123456"},
        {"SourceIdentity": "alice"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_cannot_be_enforced_is_refused_by_name(scene: Scene, more: dict[str, Any]) -> None:
    told = message(scene, ROOT, RoleArn=arn("Guest"), **more)
    assert all(name in told for name in more)
    assert refusal(scene, ROOT, RoleArn=arn("Guest"), **more) == (400, "ValidationError")


@pytest.mark.parametrize("name", ["a b", "a/b", "name\n", "ümlaut", "a:b"])
def test_a_session_has_a_plain_name(scene: Scene, name: str) -> None:
    wanted = {"RoleArn": arn("Guest"), "RoleSessionName": name}
    assert refusal(scene, ROOT, **wanted) == (400, "ValidationError")


@pytest.mark.parametrize("name", ["ab", "a" * 64, "a+=,.@-_1"])
def test_every_name_that_aws_allows_is_one(scene: Scene, name: str) -> None:
    answer = scene.sts(ROOT).assume_role(RoleArn=arn("Guest"), RoleSessionName=name)
    assert answer["AssumedRoleUser"]["Arn"].endswith(f"/Guest/{name}")
    assert scene.sts(TemporaryKeys.of(answer)).get_caller_identity()["Arn"].endswith(f"/{name}")


def test_temporary_keys_without_their_token_are_nobodys(scene: Scene) -> None:
    access_key, secret, token = parts_of(scene.assumed(ROOT, "Guest"))
    other = scene.assumed(ROOT, "Guest").token
    assert token is not None
    for wrong, expected in [
        (None, (403, "InvalidAccessKeyId")),
        (other, (400, "InvalidToken")),
        (token[:-2], (400, "InvalidToken")),
        ("no token at all", (400, "InvalidToken")),
    ]:
        keys: Any = TemporaryKeys(access_key, secret, wrong)  # type: ignore[arg-type]
        with pytest.raises(ClientError) as error:
            scene.s3(keys).list_buckets()
        assert refused(error) == expected
    with pytest.raises(ClientError) as error:
        scene.s3(TemporaryKeys(access_key, secret + "x", token)).list_buckets()
    assert refused(error) == (403, "SignatureDoesNotMatch")


def test_a_lasting_key_has_no_session_token(scene: Scene) -> None:
    token = scene.assumed(ROOT, "Guest").token
    for keys in (parts_of(ROOT), parts_of(scene.new_user())):
        with pytest.raises(ClientError) as error:
            scene.s3(TemporaryKeys(keys[0], keys[1], token)).list_buckets()
        assert refused(error) == (400, "InvalidToken")
