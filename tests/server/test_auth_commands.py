"""`s3gw auth` beside a running server: what it changes holds at once, in every worker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.server.test_commands import refusal, s3gw
from tests.server_process import ServerProcess, clean_environment

TRIES = 24
BUCKET = "paintings"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, workers=2) as server:
        server.client().create_bucket(Bucket=BUCKET)
        yield server


def auth(server: ServerProcess, *words: str) -> Any:
    """What the command says in JSON."""
    place = ("--data", str(server.data[0]), "--json")
    result = s3gw("auth", *words, *place, folder=server.folder)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def told(server: ServerProcess, *words: str) -> str:
    """What it says to people."""
    result = s3gw("auth", *words, "--data", str(server.data[0]), folder=server.folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def with_stdin(server: ServerProcess, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s3gw", "auth", *words, "--data", str(server.data[0])],
        input=text,
        capture_output=True,
        text=True,
        cwd=server.folder,
        env=clean_environment(),
        timeout=60,
        check=False,
    )


def new_key(server: ServerProcess, user: str) -> tuple[str, str]:
    made = auth(server, "key", "add", user)
    return made["access_key"], made["secret_key"]


def asked(server: ServerProcess, key: tuple[str, str]) -> set[tuple[int, bytes]]:
    """All answers to one listing, each over a connection of its own, which the kernel deals out to
    the workers: the status, and the error's code."""
    params = {"Bucket": BUCKET}
    url = urlsplit(server.client(*key).generate_presigned_url("list_objects_v2", Params=params))
    answers = (server.get(f"{url.path}?{url.query}") for _ in range(TRIES))
    return {(status, b"" if status == 200 else _code(body)) for status, body in answers}


def _code(body: bytes) -> bytes:
    return body.partition(b"<Code>")[2].partition(b"</Code>")[0]


GOOD = {(200, b"")}
UNKNOWN = {(403, b"InvalidAccessKeyId")}
DENIED = {(403, b"AccessDenied")}


def test_a_key_works_and_ends_at_once_in_every_worker(server: ServerProcess) -> None:
    auth(server, "role", "add", "painter", "--bucket", f"{BUCKET}=ro")
    auth(server, "user", "add", "ann", "--role", "painter")
    key = new_key(server, "ann")
    assert asked(server, key) == GOOD
    with pytest.raises(ClientError, match="AccessDenied"):
        server.client(*key).put_object(Bucket=BUCKET, Key="k")
    auth(server, "role", "update", "painter", "--bucket", f"{BUCKET}=rw")
    server.client(*key).put_object(Bucket=BUCKET, Key="k")
    auth(server, "key", "disable", key[0])
    assert asked(server, key) == UNKNOWN
    auth(server, "key", "enable", key[0])
    assert asked(server, key) == GOOD
    auth(server, "user", "disable", "ann")
    assert asked(server, key) == UNKNOWN
    auth(server, "user", "enable", "ann")
    auth(server, "user", "set-roles", "ann")
    assert asked(server, key) == DENIED
    auth(server, "user", "remove", "ann")
    assert asked(server, key) == UNKNOWN


def test_users_and_keys_are_kept_and_their_last_use_is_known(server: ServerProcess) -> None:
    auth(server, "user", "add", "ann", "--role", "Guest")
    used, unused = new_key(server, "ann"), new_key(server, "ann")
    assert asked(server, used) == GOOD
    server.kill9()
    server.start()
    assert asked(server, used) == GOOD
    server.stop()
    shown = {each["access_key"]: each for each in auth(server, "key", "list", "ann")}
    assert shown[used[0]]["last_used_s"] >= shown[used[0]]["created_s"] > 0
    assert shown[unused[0]]["last_used_s"] == 0
    assert [each["name"] for each in auth(server, "user", "list")] == ["ann"]
    server.start()
    assert asked(server, unused) == GOOD


def test_a_rotated_key_goes_on_for_its_grace(server: ServerProcess) -> None:
    auth(server, "user", "add", "ann", "--role", "Guest")
    old = new_key(server, "ann")
    made = auth(server, "key", "rotate", old[0])
    new = made["access_key"], made["secret_key"]
    assert asked(server, old) == asked(server, new) == GOOD
    last = auth(server, "key", "rotate", new[0], "--grace", "0")
    assert asked(server, new) == UNKNOWN
    assert asked(server, (last["access_key"], last["secret_key"])) == GOOD


def test_secrets_and_passwords_stand_nowhere(server: ServerProcess) -> None:
    password = "a very long password"
    result = with_stdin(server, f"{password}\n", "user", "add", "ann", "--password-stdin")
    assert result.returncode == 0, result.stderr
    secret = new_key(server, "ann")[1]
    assert secret not in told(server, "key", "list")
    assert asked(server, new_key(server, "ann")) == DENIED
    files = [file for file in server.folder.rglob("*") if file.is_file()]
    assert {"coordination.db", "server.err", "server.out"} <= {file.name for file in files}
    for file in files:
        for word in (secret, password):
            assert word.encode() not in file.read_bytes(), file


def test_every_change_is_audited_also_a_refused_one(server: ServerProcess) -> None:
    auth(server, "user", "add", "ann")
    key = new_key(server, "ann")[0]
    auth(server, "key", "disable", key)
    place = ("--data", str(server.data[0]))
    refusal("auth", "role", "remove", "Guest", *place, folder=server.folder, code=1)
    lines = (server.data[0] / "audit.log").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    said = [(each["action"], each["resource"].split(":")[5], each["outcome"]) for each in told]
    assert said[-4:] == [
        ("CreateUser", "user/ann", "done"),
        ("CreateAccessKey", "user/ann", "done"),
        ("DisableAccessKey", f"access-key/{key}", "done"),
        ("DeleteRole", "role/Guest", "Reserved"),
    ]
    assert {each["source"] for each in told[-4:]} == {"cli"}


def test_a_password_is_read_and_never_an_argument(server: ServerProcess) -> None:
    auth(server, "user", "add", "ann")
    assert not auth(server, "user", "show", "ann")["has_password"]
    words = ("user", "set-password", "ann", "--password-stdin")
    assert with_stdin(server, "longer than eight\r\n", *words).returncode == 0
    assert auth(server, "user", "show", "ann")["has_password"]
    short = with_stdin(server, "short\n", *words)
    assert short.returncode == 1
    assert "at least 8 characters" in short.stderr
    assert with_stdin(server, "", "user", "add", "b", "--password", "given").returncode == 2


def test_what_is_told_reads_well(server: ServerProcess) -> None:
    assert "Make one with" in told(server, "user", "list")
    assert "Make one with" in told(server, "key", "list")
    made = told(server, "role", "add", "painter", "--bucket", f"{BUCKET}=rw", "--cluster", "ro")
    assert "s3gw auth user add NAME --role painter" in made
    assert "s3gw auth key add ann" in told(server, "user", "add", "ann", "--role", "painter")
    key = told(server, "key", "add", "ann")
    assert "shown only once" in key
    access_key = key.split()[4]
    assert told(server, "user", "list").splitlines()[1].split()[:2] == ["ann", "painter"]
    shown = told(server, "user", "show", "ann").splitlines()
    assert [line.split(maxsplit=1)[1] for line in shown if line.startswith("key")] == [access_key]
    assert f"bucket {BUCKET}  rw" in "\n".join(shown)
    assert told(server, "key", "list", "ann").splitlines()[1].split()[:3] == [
        access_key,
        "ann",
        "enabled",
    ]
    assert "built-in" in told(server, "role", "list")
    assert "s3gw auth key disable" in told(server, "key", "rotate", access_key)


def test_a_role_is_changed_where_it_is_said(server: ServerProcess) -> None:
    auth(
        server,
        *("role", "add", "ci", "--description", "builds", "--max-session", "2h"),
        *("--bucket", "a=ro", "--bucket", "gcp://b=GET,LIST-OBJECTS", "--cluster", "0x2000"),
        *("--trust-issuer", "https://one.example.com", "--trust-subject", "repo:*"),
    )
    changed = auth(
        server,
        *("role", "update", "ci", "--no-bucket", "a", "--bucket", "c=su", "--admin"),
        *("--trust-issuer", "https://two.example.com", "--trust-audience", "s3gw"),
    )
    assert changed == auth(server, "role", "show", "ci")
    assert changed["description"] == "builds"
    assert changed["admin"]
    assert changed["max_session_s"] == 7200
    assert [each["perm"] for each in changed["clusters"]] == ["8192"]
    assert {(each["bck"]["provider"], each["bck"]["name"]) for each in changed["buckets"]} == {
        ("gcp", "b"),
        ("ais", "c"),
    }
    assert changed["trust"] == [
        {"issuer": "https://one.example.com", "audience": "", "subject": "repo:*"},
        {"issuer": "https://two.example.com", "audience": "s3gw", "subject": "*"},
    ]
    again = auth(
        server, "role", "update", "ci", "--no-admin", "--no-trust", "https://one.example.com"
    )
    assert not again["admin"]
    assert len(again["trust"]) == 1


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["user", "show", "bob"], 1, "`s3gw auth user list` lists them"),
        (["user", "add", "ann"], 1, "already"),
        (["user", "add", "a/b"], 1, "cannot be the name of a user"),
        (["user", "add", "bob", "--role", "writer"], 1, "`s3gw auth role list` lists them"),
        (["role", "remove", "painter"], 1, "in use by ann"),
        (["role", "remove", "Guest"], 1, "built-in"),
        (["role", "add", "token"], 1, "means the permissions"),
        (["role", "add", "x", "--cluster", "wr"], 2, "must be ro, rw, su"),
        (["role", "add", "x", "--bucket", "data"], 2, "NAME=PERM"),
        (["role", "add", "x", "--bucket", "a/b=ro"], 2, "is not the name of a bucket"),
        (["role", "add", "x", "--max-session", "1d"], 2, "from 15m to 12h"),
        (["role", "add", "x", "--trust-subject", "a"], 1, "need a --trust-issuer"),
        (["role", "update", "painter", "--no-bucket", "b"], 1, "does not name the bucket"),
        (["key", "add", "bob"], 1, "no user 'bob'"),
        (["key", "list", "bob"], 1, "no user 'bob'"),
        (["key", "remove", "AKIA"], 1, "`s3gw auth key list` lists them"),
        (["key", "rotate", "AKIA", "--grace", "91d"], 2, "--grace"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    stopped: Path, words: list[str], code: int, says: str
) -> None:
    place = ("--data", str(stopped / "data"))
    assert says in refusal("auth", *words, *place, folder=stopped, code=code)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a server has left, with a user who has a role."""
    folder = tmp_path_factory.mktemp("stopped")
    with ServerProcess(folder) as server:
        server.stop()
        auth(server, "role", "add", "painter")
        auth(server, "user", "add", "ann", "--role", "painter")
    return folder


def test_without_a_server_s_folder_there_are_no_users(tmp_path: Path) -> None:
    said = refusal("auth", "user", "list", "--data", "nowhere", folder=tmp_path, code=2)
    assert "start `s3gw serve` there once" in said
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("damage the database", "coordination.db is damaged"),
        ("lose the key", "put it back"),
        ("change the key", "is not the one that the secrets"),
        ("open the key", "chmod 600"),
    ],
)
def test_what_keeps_a_server_from_starting_is_one_sentence(
    tmp_path: Path, what: str, says: str
) -> None:
    with ServerProcess(tmp_path) as server:
        server.stop()
        database, key = server.data[0] / "coordination.db", server.data[0] / "auth.key"
        match what:
            case "damage the database":
                content = bytearray(database.read_bytes())
                content[5000] ^= 0xFF
                database.write_bytes(content)
            case "lose the key":
                key.unlink()
            case "change the key":
                key.write_text("00" * 32)
            case _:
                key.chmod(0o644)
        server.launch()
        assert server.running.wait(60) != 0
        assert says in server.errors.splitlines()[-1]
        assert "Traceback" not in server.errors
        if what == "lose the key":
            assert not key.exists()


def test_the_key_of_secrets_may_come_from_the_environment(tmp_path: Path) -> None:
    given = {"S3GW_AUTH_SECRETS_KEY": "ab" * 32}
    with ServerProcess(tmp_path, environment=given) as server:
        assert not (server.data[0] / "auth.key").exists()
        place = ("--data", str(server.data[0]))
        made = s3gw("auth", "user", "add", "ann", *place, folder=tmp_path, **given)
        assert made.returncode == 0, made.stderr
        assert "auth.key cannot be read" in refusal(
            "auth", "user", "list", *place, folder=tmp_path, code=2
        )
        other = {"S3GW_AUTH_SECRETS_KEY": "cd" * 32}
        result = s3gw("auth", "user", "list", *place, folder=tmp_path, **other)
        assert "not the one" in result.stderr
