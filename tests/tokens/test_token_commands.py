"""`s3gw auth token` beside a real server, which answers S3 to the bearers of tokens."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import ServerProcess, clean_environment
from tests.tokens.scene import SECRET


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("tokens")
    with ServerProcess(folder, workers=2) as running:
        running.client().create_bucket(Bucket="bucket")
        running.client().put_object(Bucket="bucket", Key="key", Body=b"content")
        yield running


def s3gw(server: ServerProcess, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s3gw", "auth", *words, "--data", str(server.data[0])],
        env={**clean_environment(), **server.environment},
        cwd=server.folder,
        input=stdin,
        capture_output=True,
        text=True,
    )


def token(server: ServerProcess, *words: str) -> str:
    """Nothing but the token is on the output."""
    done = s3gw(server, "token", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    return done.stdout.strip()


def statuses(server: ServerProcess, bearer: str, method: str = "GET") -> set[int]:
    """What a request is answered with, tried so often that every worker has had one."""
    found = set()
    for _ in range(16):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request(method, "/bucket/key", headers={"Authorization": f"Bearer {bearer}"})
        found.add(connection.getresponse().status)
        connection.close()
    return found


def test_the_owners_token_opens_everything(server: ServerProcess) -> None:
    assert statuses(server, token(server)) == {200}


def test_a_token_can_be_asked_for_as_json(server: ServerProcess) -> None:
    told = json.loads(token_json := s3gw(server, "token", "--json", "--ttl", "90s").stdout)
    assert list(told) == ["token", "subject", "expires"], token_json
    assert statuses(server, told["token"]) == {200}


def test_a_revoked_token_is_refused_by_every_worker_also_after_a_restart(
    server: ServerProcess,
) -> None:
    good = token(server)
    other = token(server)
    assert statuses(server, good) == {200}
    done = s3gw(server, "token", "revoke", stdin=good + "\n")
    assert (done.returncode, done.stdout) == (0, "Revoked.\n")
    assert statuses(server, good) == {400}
    assert statuses(server, other) == {200}
    server.restart()
    assert statuses(server, good) == {400}
    assert statuses(server, other) == {200}


def test_a_users_token_allows_what_the_user_may_do_and_ends_with_the_user(
    server: ServerProcess,
) -> None:
    assert s3gw(server, "user", "add", "alice", "--role", "Guest").returncode == 0
    good = token(server, "--user", "alice")
    assert statuses(server, good) == {200}
    assert statuses(server, good, "DELETE") == {403}
    assert s3gw(server, "user", "disable", "alice").returncode == 0
    assert statuses(server, good) == {400}


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("token", "--user", "nobody"), 1, "There is no user 'nobody'"),
        (("token", "--ttl", "0"), 2, "must be a time from 1s"),
        (("token", "--ttl", "tomorrow"), 2, "must be a time from 1s"),
        (("token", "revoke"), 2, "three parts"),
        (("token", "revoke", "--ttl", "1h"), 2, "not for `revoke`"),
        (("token", "refuse"), 2, "invalid choice"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    server: ServerProcess, words: tuple[str, ...], code: int, why: str
) -> None:
    done = s3gw(server, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_no_token_and_no_secret_is_in_what_the_server_says(server: ServerProcess) -> None:
    good = token(server)
    statuses(server, good)
    statuses(server, good[:-3])
    said = server.errors + server.output
    assert good.rpartition(".")[2] not in said
    assert good.split(".")[1] not in said
    assert SECRET not in said


def test_a_server_does_not_start_with_a_key_that_is_none(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, environment={"AIS_AUTHN_PUBLIC_KEY": "none"})
    server.launch()
    assert server.running.wait(60) == 2
    assert "auth.signature.key cannot be used" in server.errors
