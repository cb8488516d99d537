"""GetCallerIdentity: who one is, however one proves it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.s3.gateway import BOB
from tests.sts.scene import NUMBER, ROOT, Scene, TemporaryKeys, refused


def test_an_account_is_named_by_its_id(scene: Scene) -> None:
    told = scene.sts(ROOT).get_caller_identity()
    assert (told["Account"], told["Arn"]) == (NUMBER, f"arn:aws:iam::{NUMBER}:root")
    told = scene.sts(BOB).get_caller_identity()
    account = BOB.account
    assert (told["UserId"], told["Account"]) == (account, account)
    assert told["Arn"] == f"arn:aws:iam::{account}:root"


def test_a_user_is_named_by_its_name(scene: Scene) -> None:
    key = scene.new_user()
    told = scene.sts(key).get_caller_identity()
    assert (told["Account"], told["Arn"]) == (NUMBER, f"arn:aws:iam::{NUMBER}:user/{key.user}")
    assert told["UserId"].startswith("AIDA")


def test_a_session_of_a_role_is_named_by_both(scene: Scene) -> None:
    role = scene.new_role()
    key = scene.new_user(role.name)
    told = scene.sts(scene.assumed(key, role)).get_caller_identity()
    assert told["Arn"] == f"arn:aws:sts::{NUMBER}:assumed-role/{role.name}/job-1"
    assert told["UserId"].startswith("AROA")
    assert told["UserId"].endswith(":job-1")


def test_a_users_session_is_named_as_the_user(scene: Scene) -> None:
    key = scene.new_user()
    session = TemporaryKeys.of(scene.sts(key).get_session_token())
    told = scene.sts(session).get_caller_identity()
    assert told["Arn"] == f"arn:aws:iam::{NUMBER}:user/{key.user}"


def test_a_bearer_is_named_by_issuer_and_subject(scene: Scene) -> None:
    token = scene.web_token("alice")
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = scene.send("POST", "/", {**form, "authorization": f"Bearer {token}"}, body)
    assert answer.status == 200
    assert b"user/issuer.example.com#alice</Arn>" in answer.body


def test_who_does_not_sign_is_nobody(scene: Scene) -> None:
    with pytest.raises(ClientError) as error:
        scene.sts(None).get_caller_identity()
    assert refused(error) == (403, "MissingAuthenticationToken")


def test_a_presigned_question_tells_whom_it_was_made_by(scene: Scene) -> None:
    """So do others prove to a third party who they are, EKS for one."""
    key = scene.new_user()
    url = scene.sts(key).generate_presigned_url(
        "get_caller_identity", ExpiresIn=60, HttpMethod="GET"
    )
    target = url.removeprefix("http://127.0.0.1")
    answer = scene.send("GET", target)
    assert (answer.status, key.user.encode() in answer.body) == (200, True)
    assert scene.send("GET", target.replace("Expires=60", "Expires=61")).status == 403
    scene.clock.shift_s = 61
    assert scene.send("GET", target).status == 400


def test_the_service_is_found_below_s3_too(scene: Scene) -> None:
    for url in ("http://127.0.0.1/s3", "http://127.0.0.1/s3/"):
        assert scene.sts(ROOT, url).get_caller_identity()["Account"] == NUMBER
