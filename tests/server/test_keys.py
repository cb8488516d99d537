"""A server with a master key, and `s3gw keys` beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from s3gw.config.loading import ConfigError, load
from s3gw.keys.opening import beside_the_data, open_ring, prepare_ring
from tests.server.test_commands import s3gw
from tests.server_process import ServerProcess

HEX = "00" * 31 + "ff"


def config(folder: Path, **environ: str) -> Any:
    flags = {"storage.data": [str(folder)]}
    return load(file=None, environ=environ, flags=flags).config


def with_file(folder: Path, file: Path) -> Any:
    flags = {"storage.data": [str(folder)], "encryption.master_key_file": str(file)}
    return load(file=None, environ={}, flags=flags).config


def test_without_a_master_key_there_is_no_ring(tmp_path: Path) -> None:
    assert prepare_ring(config(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_master_key_is_made_with_its_ring_and_never_again(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    chosen = with_file(tmp_path, file)
    prepare_ring(chosen)
    assert file.stat().st_mode & 0o777 == 0o600
    assert open_ring(chosen) is not None
    file.unlink()
    with pytest.raises(ConfigError, match="put it back"):
        prepare_ring(chosen)
    assert not file.exists()


def test_a_master_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_text(HEX)
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        prepare_ring(with_file(tmp_path, file))


@pytest.mark.parametrize("text", [HEX, "A" * 43 + "="])
def test_a_master_key_may_come_from_the_environment(tmp_path: Path, text: str) -> None:
    prepare_ring(config(tmp_path, S3GW_MASTER_KEY=text))
    assert open_ring(config(tmp_path, S3GW_MASTER_KEY=text)) is not None
    with pytest.raises(ConfigError, match="not the master key"):
        open_ring(config(tmp_path, S3GW_MASTER_KEY="11" * 32))


@pytest.mark.parametrize("text", ["short", "A" * 44, "zz" * 32])
def test_a_bad_master_key_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as error:
        prepare_ring(config(tmp_path, S3GW_MASTER_KEY=text))
    assert text not in str(error.value)


def test_a_file_that_holds_no_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_text("nonsense")
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="32 bytes") as error:
        prepare_ring(with_file(tmp_path, file))
    assert "nonsense" not in str(error.value)


def test_a_master_key_beside_the_data_is_told_of(tmp_path: Path) -> None:
    assert beside_the_data(with_file(tmp_path / "data", tmp_path / "data" / "key"))
    assert not beside_the_data(with_file(tmp_path / "data", tmp_path / "key"))
    assert not beside_the_data(config(tmp_path))


def test_keys_are_made_and_rotated_beside_a_running_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    words = ("--data", str(data), "--master-key-file", str(tmp_path / "master.key"))
    with ServerProcess(tmp_path, flags=words[2:], data=[data]) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="bucket")
        made = s3gw("keys", "create", "team-a", *words, "--json", folder=tmp_path)
        assert json.loads(made.stdout)["id"] == "team-a"
        s3.put_object(
            Bucket="bucket",
            Key="k",
            Body=b"bytes",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId="team-a",
        )
        turned = s3gw("keys", "rotate", "team-a", *words, "--json", folder=tmp_path)
        assert json.loads(turned.stdout) == {"objects": 1, "rewrapped": 1, "unreadable": []}
        assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"bytes"
        resumed = s3gw("keys", "rotate", "--resume", *words, folder=tmp_path)
        assert resumed.stdout == "1 object checked, 0 wrapped with new keys.\n"
    listed = json.loads(s3gw("keys", "list", *words, "--json", folder=tmp_path).stdout)
    versions = {each["id"]: each["versions"] for each in listed}
    assert versions == {"aws/s3": 1, "sse-s3": 1, "team-a": 2}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["list"], "no master key"),
        (["create", "a b", "--master-key-file", "key"], "cannot be a key"),
        (["rotate", "nobody", "--master-key-file", "key"], "nobody"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, words: list[str], says: str) -> None:
    result = s3gw("keys", *words, "--data", str(tmp_path), folder=tmp_path)
    assert result.returncode == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
