"""Where SDKs find keys by themselves: a command, a web identity token, a role in a profile.

The users, roles and tokens are made by `s3gw auth`, beside a server of our own. What a client does
with them is a program of two lines, or the command line that the suite has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from compat.server import REPOSITORY, Server

BUCKET = "paintings"
_PROGRAM = """
import sys, botocore.config, botocore.session
session = botocore.session.Session(profile=sys.argv[1] or None)
config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
if sys.argv[2] == "who":
    print(session.create_client("sts", config=config).get_caller_identity()["Arn"])
else:
    s3 = session.create_client("s3", config=config)
    s3.put_object(Bucket=sys.argv[2], Key="key", Body=b"painted")
    print(s3.get_object(Bucket=sys.argv[2], Key="key")["Body"].read().decode())
"""


@dataclass(frozen=True)
class World:
    folder: Path
    server: Server
    python: str

    def auth(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            [self.python, "-m", "s3gw", "auth", *words, "--data", str(self.server.data)],
            input=stdin, cwd=REPOSITORY, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    @property
    def credentials(self) -> str:
        """The command that prints keys, as it stands in a configuration file."""
        ours = f"env PYTHONPATH={REPOSITORY} {self.python} -m s3gw"
        return f"{ours} auth credentials --data {self.server.data}"

    def settings(self, folder: Path, text: str, **more: str) -> dict[str, str]:
        """A client's variables, with a configuration file that says that."""
        file = folder / "config"
        file.write_text(f"{text}\ns3 =\n  addressing_style = path\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_CONFIG_FILE": str(file),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": self.server.endpoint,
            "AWS_ENDPOINT_URL_STS": self.server.endpoint,
            **more,
        }


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("credentials")
    python = os.environ["COMPAT_SERVER_PYTHON"]
    settings = folder / "s3gw.toml"
    settings.write_text("[auth]\nallow_s3_token_compat = true\n")
    options = ("--workers", "2", "--config", str(settings))
    with Server(folder / "server", options=options, python=python) as server:
        world = World(folder, server, python)
        world.auth("role", "add", "painter", "--bucket", f"{BUCKET}=rw", "--max-session", "2h")
        world.auth("role", "add", "owner", "--cluster", "su")
        world.auth("user", "add", "ann", "--role", "painter")
        made = json.loads(world.auth("credentials", "--role", "owner"))
        boss = {
            "AWS_ACCESS_KEY_ID": made["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"],
            "AWS_SESSION_TOKEN": made["SessionToken"],
        }
        run(_making_bucket(python), world.settings(folder, "[default]", **boss))
        yield world


@dataclass(frozen=True)
class Client:
    """botocore, or the command line where the suite has one."""

    kind: str
    environment: Mapping[str, str]
    profile: str = ""

    def who(self) -> str:
        """The ARN that the server knows it by."""
        if self.kind == "aws":
            answer = self._aws("sts", "get-caller-identity", "--output", "json")
            return str(json.loads(answer)["Arn"])
        return run([sys.executable, "-c", _PROGRAM, self.profile, "who"], self.environment)

    def paints(self) -> None:
        """An object goes in, and comes out again."""
        if self.kind == "aws":
            self._aws("s3", "cp", "-", f"s3://{BUCKET}/key", stdin="painted")
            assert self._aws("s3", "cp", f"s3://{BUCKET}/key", "-") == "painted"
            return
        got = run([sys.executable, "-c", _PROGRAM, self.profile, BUCKET], self.environment)
        assert got == "painted"

    def _aws(self, *words: str, stdin: str = "") -> str:
        chosen = ("--profile", self.profile) if self.profile else ()
        return run(["aws", *chosen, *words], self.environment, stdin)


def run(command: list[str], environment: Mapping[str, str], stdin: str = "") -> str:
    done = subprocess.run(
        command, env=dict(environment), input=stdin, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def _making_bucket(python: str) -> list[str]:
    program = (
        "import botocore.session as s; "
        f"s.Session().create_client('s3').create_bucket(Bucket='{BUCKET}')"
    )
    return [python, "-c", program]


@pytest.fixture(name="kind")
def _kind() -> str:
    """The library in the suites that have it, the command line in the others."""
    return "aws" if find_spec("botocore") is None else "botocore"


@pytest.mark.parametrize(
    ("words", "known_as"),
    [("--user ann", ":user/ann"), ("--role painter", ":assumed-role/painter/cli")],
)
def test_a_command_gives_keys(
    world: World, kind: str, tmp_path: Path, words: str, known_as: str
) -> None:
    text = f"[profile s3gw]\ncredential_process = {world.credentials} {words}"
    client = Client(kind, world.settings(tmp_path, text), "s3gw")
    client.paints()
    assert client.who().endswith(known_as)


def test_a_jwt_may_stand_for_them(world: World, kind: str, tmp_path: Path) -> None:
    """AIStore's own example."""
    file = tmp_path / "aws-credentials.json"
    file.write_text(world.auth("credentials", "--user", "ann", "--jwt"))
    text = (
        f"[profile aistore]\ncredential_process = cat {file}\n"
        f"endpoint_url = {world.server.endpoint}/s3"
    )
    environment = world.settings(tmp_path, text)
    del environment["AWS_ENDPOINT_URL_S3"]
    client = Client(kind, environment, "aistore")
    client.paints()
    assert client.who().endswith(":user/ann")


def test_a_web_identity_token_is_exchanged(world: World, kind: str, tmp_path: Path) -> None:
    """All that a pod has: three variables and a file."""
    token = tmp_path / "token"
    token.write_text(world.auth("token", "--user", "ann"))
    number = _number(world)
    variables = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_ROLE_ARN": f"arn:aws:iam::{number}:role/token",
        "AWS_ROLE_SESSION_NAME": "pod-1",
    }
    client = Client(kind, world.settings(tmp_path, "[default]", **variables))
    client.paints()
    assert client.who().endswith(":assumed-role/token/pod-1")


def test_a_profile_assumes_a_role(world: World, kind: str, tmp_path: Path) -> None:
    made = json.loads(world.auth("key", "add", "ann", "--json"))
    text = (
        f"[profile ann]\naws_access_key_id = {made['access_key']}\n"
        f"aws_secret_access_key = {made['secret_key']}\n\n"
        f"[profile painter]\nrole_arn = arn:aws:iam::{_number(world)}:role/painter\n"
        "source_profile = ann\nrole_session_name = laptop\nduration_seconds = 7200"
    )
    client = Client(kind, world.settings(tmp_path, text), "painter")
    client.paints()
    assert client.who().endswith(":assumed-role/painter/laptop")


def _number(world: World) -> str:
    """As the server tells everybody of themselves."""
    program = "from s3gw.identity.accounts import ROOT_ACCOUNT_NUMBER as n; print(n)"
    return run([world.python, "-c", program], {**os.environ, "PYTHONPATH": str(REPOSITORY)})
