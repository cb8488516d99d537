"""`s3gw backup` beside a running server, and a server on the backup."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.server.test_commands import s3gw
from tests.server_process import ServerProcess
from tests.storage.damage import flip

BODY = b"x" * 200_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """With keys of its own in the first of two data folders, and a ring of keys in it."""
    data = [tmp_path / "one", tmp_path / "two"]
    flags = ["--master-key-file", str(tmp_path / "one" / "master.key")]
    with ServerProcess(tmp_path / "s", data=data, workers=2, fixed_keys=False, flags=flags) as it:
        yield it


def keys_of(folder: Path) -> tuple[str, str]:
    found = json.loads((folder / "credentials.json").read_bytes())
    return found["access_key"], found["secret_key"]


def backup(data: Sequence[Path], *words: str) -> subprocess.CompletedProcess[str]:
    """With the settings of the server, into `backups` beside the first data folder."""
    folders = [word for folder in data for word in ("--data", str(folder))]
    words = words or ("--master-key-file", str(data[0] / "master.key"))
    target = data[0].parent / "backups"
    return s3gw("backup", str(target), "--json", *folders, *words, folder=target.parent)


def outcome(result: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(result.stdout)


def test_a_server_on_a_backup_has_objects_users_and_keys(
    server: ServerProcess, tmp_path: Path
) -> None:
    client = server.client(*keys_of(server.data[0]))
    client.create_bucket(Bucket="bucket")
    sealed = client.put_object(
        Bucket="bucket", Key="sealed", Body=BODY, ServerSideEncryption="AES256"
    )
    added = s3gw("auth", "user", "add", "ann", "--data", str(server.data[0]), folder=tmp_path)
    assert added.returncode == 0, added.stderr
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            for key in ("first", "second"):
                client.put_object(Bucket="bucket", Key=key, Body=f"{number:08}".encode() * 10_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        result = backup(server.data)
    finally:
        stop.set()
        writer.join()
    assert result.returncode == 0, result.stdout + result.stderr
    done = outcome(result)
    assert (done["damage"], done["keys"], done["elsewhere"]) == ([], [], [])
    assert s3gw("fsck", *done["folders"], folder=tmp_path).returncode == 0

    copies = [Path(folder) for folder in done["folders"]]
    flags = ["--master-key-file", str(copies[0] / "master.key")]
    place = tmp_path / "restored"
    with ServerProcess(place, data=copies, fixed_keys=False, flags=flags) as restored:
        client = restored.client(*keys_of(copies[0]))
        found = client.get_object(Bucket="bucket", Key="sealed")
        assert (found["Body"].read(), found["ETag"]) == (BODY, sealed["ETag"])
        first, second = (
            int(client.get_object(Bucket="bucket", Key=key)["Body"].read()[:8])
            for key in ("first", "second")
        )
        assert first - second in (0, 1)
    listed = s3gw("auth", "user", "list", "--json", "--data", str(copies[0]), folder=tmp_path)
    assert "ann" in listed.stdout


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a server with an object, as it left it."""
    folder = tmp_path_factory.mktemp("stopped") / "data"
    flags = ["--master-key-file", str(folder / "master.key")]
    server = ServerProcess(folder.parent, data=[folder], fixed_keys=False, flags=flags)
    with server:
        client = server.client(*keys_of(folder))
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="key", Body=BODY)
        server.stop()
    return folder


@pytest.fixture
def data(stopped: Path, tmp_path: Path) -> Path:
    return shutil.copytree(stopped, tmp_path / "data")


def test_a_second_backup_says_what_it_linked(data: Path, tmp_path: Path) -> None:
    words = ("backup", "backups", "--data", "data", "--master-key-file", "data/master.key")
    first, second = (s3gw(*words, folder=tmp_path) for _ in range(2))
    assert "1 object, 195.3 KiB: 1 file copied (195.3 KiB), 0 linked." in first.stdout
    assert "1 object, 195.3 KiB: 0 files copied (0 B), 1 linked." in second.stdout
    assert "To serve it: s3gw serve --data backups/20" in second.stdout
    assert (first.stderr, second.stderr) == ("", "")


def _put_another_letter(file: Path) -> None:
    """Damage a key that stays base64: a bit that is flipped makes other characters of some."""
    text = bytearray(file.read_bytes())
    text[12] = ord("B" if text[12] == ord("A") else "A")
    file.write_bytes(text)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("auth.key", "is not the one that the secrets in"),
        ("keyring.json", "keyring.json"),
        ("credentials.json", "credentials.json is damaged"),
        ("master.key", "master key"),
    ],
)
def test_a_damaged_key_is_named(data: Path, file: str, said: str) -> None:
    if file == "auth.key":
        _put_another_letter(data / file)
    else:
        flip(data / file, 12, 7 if file == "credentials.json" else 2)
    result = backup([data])
    assert result.returncode == 1
    assert any(said in each for each in outcome(result)["keys"]), result.stdout


@pytest.mark.parametrize("file", ["auth.key", "credentials.json", "master.key"])
def test_a_missing_key_is_named(data: Path, file: str) -> None:
    (data / file).unlink()
    result = backup([data])
    assert result.returncode == 1
    assert len(outcome(result)["keys"]) == 1, result.stdout


def test_a_ring_that_no_key_was_given_for_is_named(data: Path) -> None:
    result = backup([data], "--rate", "1GiB")
    assert result.returncode == 1
    assert "keyring.json was not verified" in outcome(result)["keys"][0]


def test_keys_outside_the_data_folders_are_named(data: Path, tmp_path: Path) -> None:
    key = (data / "master.key").rename(tmp_path / "master.key")
    result = backup([data], "--master-key-file", str(key))
    assert result.returncode == 0, result.stdout
    assert outcome(result)["elsewhere"] == [str(key)]


def test_a_damaged_object_is_named(data: Path) -> None:
    (blob,) = (data / "blobs").glob("*/*")
    flip(blob, 1000)
    result = backup([data])
    assert result.returncode == 1
    (damage,) = outcome(result)["damage"]
    assert (damage["bucket"], damage["name"]) == ("bucket", "key")


def test_a_damaged_database_of_users_is_one_sentence(data: Path) -> None:
    flip(data / "coordination.db", 5000)
    result = backup([data])
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"s3gw: {data}/coordination.db: ")


def test_a_foreign_folder_is_one_sentence(data: Path, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "letter").touch()
    result = backup([data])
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "is not empty ('letter' is in it)" in line
