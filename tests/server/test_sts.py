"""Temporary keys of a real server with several workers, as SDKs find them by themselves."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from s3gw.identity.accounts import ROOT_ACCOUNT_NUMBER
from tests.server.test_commands import refusal, s3gw
from tests.server_process import ServerProcess, clean_environment, eventually
from tests.tokens.issuer import Issuer, listening, rsa_key

SUBJECT = "system:serviceaccount:ml:train"
# Connections of their own, which the kernel deals out to the workers.
TRIES = 12


@dataclass
class World:
    server: ServerProcess
    issuer: Issuer

    def auth(self, *words: str) -> str:
        place = ("--data", str(self.server.data[0]))
        result = s3gw("auth", *words, *place, folder=self.server.folder)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def pod_token(self, lasts_s: int = 3600, **more: Any) -> str:
        now_s = int(time.time())
        claims = {"sub": SUBJECT, "aud": "s3gw", "iat": now_s, "exp": now_s + lasts_s, **more}
        return self.issuer.token("kid-1", claims)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("sts")
    issuer = Issuer({"kid-1": rsa_key()})
    with listening(issuer, folder) as authority:
        settings = folder / "s3gw.toml"
        settings.write_text(
            "[auth]\nallow_s3_token_compat = true\n"
            f'[auth.oidc]\nallowed_iss = ["{issuer.url}"]\nissuer_ca_bundle = "{authority}"\n'
            '[outbound]\nallow = ["127.0.0.1"]\n'
        )
        with ServerProcess(folder, workers=3, flags=["--config", str(settings)]) as server:
            world = World(server, issuer)
            server.client().create_bucket(Bucket="models")
            trust = ("--trust-issuer", issuer.url, "--trust-audience", "s3gw")
            subject = ("--trust-subject", "system:serviceaccount:ml:*")
            world.auth("role", "add", "trainer", "--bucket", "models=rw", *trust, *subject)
            world.auth("user", "add", "ann", "--role", "trainer")
            yield world


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, world: World, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that knows the endpoint and nothing else of AWS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", world.server.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", world.server.endpoint)
    return monkeypatch


def client(service: str, profile: str | None = None) -> Any:
    session: Any = boto3.session.Session(profile_name=profile)
    return session.client(
        service, config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    )


def trains(s3: Any, key: str) -> None:
    s3.put_object(Bucket="models", Key=key, Body=b"weights")
    assert s3.get_object(Bucket="models", Key=key)["Body"].read() == b"weights"
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket="not-for-trainers")
    assert error.value.response["Error"]["Code"] == "AccessDenied"


def test_a_pod_finds_its_keys_by_its_service_account(
    world: World, alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """All that Kubernetes gives it are the variables and the file."""
    token_file = tmp_path / "token"
    token_file.write_text(world.pod_token())
    alone.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token_file))
    alone.setenv("AWS_ROLE_ARN", f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:role/trainer")
    alone.setenv("AWS_ROLE_SESSION_NAME", "pod-1")
    trains(client("s3"), "by-web-identity")
    told = client("sts").get_caller_identity()
    assert told["Arn"].endswith(":assumed-role/trainer/pod-1")


def test_every_worker_knows_the_keys_and_that_they_were_revoked(
    world: World, alone: pytest.MonkeyPatch
) -> None:
    answer = client_without_keys().assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:role/trainer",
        RoleSessionName="job",
        WebIdentityToken=world.pod_token(jti="to be revoked"),
    )["Credentials"]
    keys = (answer["AccessKeyId"], answer["SecretAccessKey"])
    assert outcomes(world, keys, answer["SessionToken"]) == {"done"}
    revoke(world, answer["SessionToken"])
    assert outcomes(world, keys, answer["SessionToken"]) == {"InvalidToken"}


def test_a_role_that_changes_changes_its_sessions_in_every_worker(
    world: World, alone: pytest.MonkeyPatch
) -> None:
    world.auth("role", "add", "changing", "--bucket", "models=ro")
    told = json.loads(world.auth("credentials", "--role", "changing"))
    keys = (told["AccessKeyId"], told["SecretAccessKey"])
    assert outcomes(world, keys, told["SessionToken"]) == {"done"}
    world.auth("role", "remove", "changing")
    assert outcomes(world, keys, told["SessionToken"]) == {"InvalidAccessKeyId"}


def client_without_keys() -> Any:
    session: Any = boto3.session.Session()
    return session.client("sts", config=Config(signature_version=UNSIGNED))


def outcomes(world: World, keys: tuple[str, str], token: str) -> set[str]:
    """What each of many connections is told."""
    s3: Any = boto3.client(
        "s3",
        endpoint_url=world.server.endpoint,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=token,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )
    s3.meta.events.register(
        "before-send.s3", lambda request, **_: request.headers.__setitem__("connection", "close")
    )
    return {outcome(s3) for _ in range(TRIES)}


def outcome(s3: Any) -> str:
    try:
        s3.list_objects_v2(Bucket="models")
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def revoke(world: World, token: str) -> None:
    place = ("--data", str(world.server.data[0]))
    subprocess.run(
        [sys.executable, "-m", "s3gw", "auth", "token", "revoke", *place],
        input=token,
        text=True,
        check=True,
        capture_output=True,
        cwd=world.server.folder,
        env=clean_environment(),
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "arn"),
    [
        (("--user", "ann"), "user/ann"),
        (("--role", "trainer", "--session", "laptop"), "assumed-role/trainer/laptop"),
    ],
)
def test_credential_process_asks_for_keys(
    world: World, alone: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...], arn: str
) -> None:
    data = world.server.data[0]
    command = f"{sys.executable} -m s3gw auth credentials {' '.join(words)} --data {data}"
    (tmp_path / "config").write_text(f"[profile s3gw]\ncredential_process = {command}\n")
    trains(client("s3", "s3gw"), f"by-{words[0]}")
    assert client("sts", "s3gw").get_caller_identity()["Arn"].endswith(arn)


def test_the_root_accounts_keys_come_from_the_servers_own(
    world: World, alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment = ["S3GW_ROOT_ACCESS_KEY", "S3GW_ROOT_SECRET_KEY"]
    for name in environment:
        alone.setenv(name, world.server.environment[name])
    data = world.server.data[0]
    command = f"{sys.executable} -m s3gw auth credentials --data {data}"
    (tmp_path / "config").write_text(f"[profile s3gw]\ncredential_process = {command}\n")
    assert client("sts", "s3gw").get_caller_identity()["Arn"].endswith(":root")
    client("s3", "s3gw").create_bucket(Bucket="made-by-the-owner")


def test_aistores_example_works_as_it_stands(
    world: World, alone: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "aws-credentials.json"
    file.write_text(world.auth("credentials", "--user", "ann", "--jwt"))
    assert json.loads(file.read_text())["SecretAccessKey"] == "unused"
    (tmp_path / "config").write_text(
        f"[profile aistore]\ncredential_process = cat {file}\n"
        f"endpoint_url = {world.server.endpoint}/s3\n"
    )
    alone.delenv("AWS_ENDPOINT_URL_S3")
    trains(client("s3", "aistore"), "by-jwt")


def test_the_command_says_what_is_wrong(world: World) -> None:
    place = ("--data", str(world.server.data[0]))
    folder = world.server.folder
    for words, code, said in [
        (("--user", "nobody"), 1, "user list"),
        (("--role", "nobody"), 1, "role list"),
        (("--role", "trainer", "--ttl", "2h"), 2, "3600"),
        (("--role", "trainer", "--jwt"), 2, "--jwt"),
        ((), 2, "no keys yet"),
        (("--ttl", "5m"), 2, "--ttl"),
        (("--role", "trainer", "--session", "a b"), 2, "--session"),
    ]:
        assert said in refusal("auth", "credentials", *words, *place, folder=folder, code=code)


def test_who_got_keys_is_written_down(world: World, alone: pytest.MonkeyPatch) -> None:
    client_without_keys().assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:role/trainer",
        RoleSessionName="written-down",
        WebIdentityToken=world.pod_token(),
    )
    lines = audited(world)
    found = [line for line in lines if line["resource"].endswith("role/trainer/written-down")]
    assert [(line["action"], line["outcome"]) for line in found] == [
        ("AssumeRoleWithWebIdentity", "200")
    ]


def audited(world: World) -> list[dict[str, Any]]:
    file = world.server.data[0] / "audit.log"
    eventually(lambda: "written-down" in file.read_text(), "the line is written")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_no_token_stands_in_a_log(world: World, alone: pytest.MonkeyPatch) -> None:
    token = world.pod_token(jti="never in a log")
    answer = client_without_keys().assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ROOT_ACCOUNT_NUMBER}:role/trainer",
        RoleSessionName="job",
        WebIdentityToken=token,
    )["Credentials"]
    written = world.server.errors + world.server.output + json.dumps(audited(world))
    for secret in (token, answer["SessionToken"], answer["SecretAccessKey"]):
        assert secret not in written
