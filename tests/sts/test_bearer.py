"""JSON Web Tokens on S3: as a bearer's, and in the place of a session token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3gw.identity.permissions import Permissions
from s3gw.identity.tokens.protocol import TokenError
from tests.s3.gateway import code_of
from tests.sts.scene import NUMBER, READER, ROOT, WRITER, Scene, TemporaryKeys, opened, refused

CHUNKED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
NOT_OURS = "AKIANOTOURSNOTOURSXX"


@pytest.fixture(scope="module")
def compat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("compat")
    with opened(folder, allow_s3_token_compat=True) as scene:
        yield scene


def bearing(token: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **more}


def with_jwt(scene: Scene, token: str, access_key: str = NOT_OURS) -> Any:
    """As an SDK that was told the seed's credentials."""
    return scene.s3(TemporaryKeys(access_key, "unused", token))


# Authorization: Bearer


def test_a_bearer_does_what_the_token_allows(scene: Scene) -> None:
    path = f"/{scene.new_bucket()}/key"
    writer = scene.web_token(permissions=WRITER)
    reader = scene.web_token(permissions=READER)
    assert scene.send("PUT", path, bearing(writer), b"body").status == 200
    assert scene.send("GET", path, bearing(reader)).body == b"body"
    assert code_of(scene.send("PUT", path, bearing(reader), b"other")) == (403, "AccessDenied")
    nothing = scene.web_token()
    assert code_of(scene.send("GET", path, bearing(nothing))) == (403, "AccessDenied")


def test_an_admins_token_may_do_everything(scene: Scene) -> None:
    token = scene.web_token(permissions=Permissions(admin=True))
    assert scene.send("PUT", "/made-by-a-bearer", bearing(token)).status == 200


def test_the_scheme_has_no_case(scene: Scene) -> None:
    token = scene.web_token(permissions=READER)
    for scheme in ("bearer", "BEARER", "Bearer  "):
        sent = {"authorization": f"{scheme} {token}"}
        assert scene.send("GET", "/", sent).status == 200


def test_a_bad_token_has_its_error(scene: Scene) -> None:
    scene.verifier.bad["eyJ.over.x"] = TokenError("the token has expired", expired=True)
    assert code_of(scene.send("GET", "/", bearing("eyJ.over.x"))) == (400, "ExpiredToken")
    answer = scene.send("GET", "/", bearing("eyJ.secret.x"))
    assert code_of(answer) == (400, "InvalidToken")
    assert b"secret" not in answer.body
    assert b"signature is not good" in answer.body
    assert code_of(scene.send("GET", "/", bearing("")))[0] == 400
    assert code_of(scene.send("GET", "/", {"authorization": "Basic x"})) == (
        400,
        "InvalidArgument",
    )


def test_a_bearers_body_is_held_to_its_hash(scene: Scene) -> None:
    bucket = scene.new_bucket()
    token = scene.web_token(permissions=WRITER)
    wrong = bearing(token, **{"x-amz-content-sha256": "0" * 64})
    answer = scene.send("PUT", f"/{bucket}/key", wrong, b"body")
    assert code_of(answer) == (400, "XAmzContentSHA256Mismatch")
    chained = bearing(token, **{"x-amz-content-sha256": CHUNKED})
    assert code_of(scene.send("PUT", f"/{bucket}/key", chained)) == (400, "InvalidRequest")


def test_one_proof_is_enough(scene: Scene) -> None:
    token = scene.web_token(permissions=READER)
    url = scene.s3(ROOT).generate_presigned_url("list_buckets").removeprefix("http://127.0.0.1")
    assert code_of(scene.send("GET", url, bearing(token))) == (400, "InvalidArgument")


# In X-Amz-Security-Token, when that is allowed


def test_a_jwt_in_place_of_a_session_token_is_refused_by_default(scene: Scene) -> None:
    token = scene.web_token(permissions=READER)
    with pytest.raises(ClientError) as error:
        with_jwt(scene, token).list_buckets()
    assert refused(error) == (400, "InvalidToken")
    assert "auth.allow_s3_token_compat" in str(error.value)
    assert token not in str(error.value)
    with pytest.raises(ClientError) as error:
        scene.sts(TemporaryKeys(NOT_OURS, "unused", token)).get_caller_identity()
    assert refused(error) == (403, "InvalidClientTokenId")
    assert "auth.allow_s3_token_compat" in str(error.value)


def test_an_sdk_may_be_given_a_jwt_as_session_token(compat: Scene) -> None:
    bucket = compat.new_bucket()
    client = with_jwt(compat, compat.web_token("train", permissions=WRITER))
    client.put_object(Bucket=bucket, Key="key", Body=b"body")
    assert client.get_object(Bucket=bucket, Key="key")["Body"].read() == b"body"
    token = compat.web_token("train")
    told = compat.sts(TemporaryKeys(NOT_OURS, "unused", token)).get_caller_identity()
    assert told["Arn"] == f"arn:aws:iam::{NUMBER}:user/issuer.example.com#train"


def test_chunks_that_nobody_can_verify_are_read_all_the_same(compat: Scene) -> None:
    bucket = compat.new_bucket()
    token = compat.web_token(permissions=WRITER)
    head = (
        f"AWS4-HMAC-SHA256 Credential={NOT_OURS}/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )
    headers = {
        "authorization": head,
        "x-amz-security-token": token,
        "x-amz-content-sha256": CHUNKED,
        "x-amz-decoded-content-length": "4",
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
    }
    chunks = b"4;chunk-signature=0\r\nbody\r\n0;chunk-signature=0\r\n\r\n"
    assert compat.send("PUT", f"/{bucket}/key", headers, chunks).status == 200
    assert compat.s3().get_object(Bucket=bucket, Key="key")["Body"].read() == b"body"


def test_a_bad_jwt_is_a_bad_token(compat: Scene) -> None:
    compat.verifier.bad["eyJhbGci.over.x"] = TokenError("the token has expired", expired=True)
    for token, code in [("eyJhbGci.over.x", "ExpiredToken"), ("eyJhbGci.x.x", "InvalidToken")]:
        with pytest.raises(ClientError) as error:
            with_jwt(compat, token).list_buckets()
        assert refused(error) == (400, code)


def test_a_key_of_ours_is_never_helped_by_a_jwt(compat: Scene) -> None:
    token = compat.web_token(permissions=Permissions(admin=True))
    user = compat.new_user()
    for access_key in ("ROOT-KEY", user.access_key):
        with pytest.raises(ClientError) as error:
            with_jwt(compat, token, access_key).list_buckets()
        assert refused(error) == (400, "InvalidToken")


def test_session_tokens_are_verified_as_before(compat: Scene) -> None:
    keys = compat.assumed(ROOT, "Guest")
    compat.s3(keys).list_buckets()
    with pytest.raises(ClientError) as error:
        compat.s3(TemporaryKeys(keys.access_key, "wrong", keys.token)).list_buckets()
    assert refused(error) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_jwt_is_no_password_for_urls(compat: Scene, version: str) -> None:
    bucket, token = compat.new_bucket(), compat.web_token(permissions=WRITER)
    keys = TemporaryKeys(NOT_OURS, "unused", token)
    client = compat.s3(keys, signature_version=version)
    url = client.generate_presigned_url("list_objects_v2", Params={"Bucket": bucket})
    answer = compat.send("GET", url.removeprefix("http://127.0.0.1"))
    assert code_of(answer) == (400, "InvalidToken")
    assert b"presigned" in answer.body


def test_a_bearer_gets_no_keys_but_by_web_identity(compat: Scene) -> None:
    token = compat.web_token(permissions=Permissions(admin=True))
    keys = TemporaryKeys(NOT_OURS, "unused", token)
    with pytest.raises(ClientError) as error:
        compat.sts(keys).get_session_token()
    assert refused(error) == (403, "AccessDenied")
