"""The command line as a user meets it: a process, its output and its exit code."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from s3gw import __version__
from tests.server_process import SECRET_KEY, ServerProcess, clean_environment


def s3gw(*words: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s3gw", *words],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**clean_environment(), "COLUMNS": "100", **variables},
        timeout=60,
        check=False,
    )


def refusal(*words: str, folder: Path, code: int) -> str:
    """The one sentence with which a command is refused."""
    result = s3gw(*words, folder=folder)
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "serve",
        "config",
        "config show",
        "config docs",
        "config schema",
        "auth",
        "auth user",
        "auth user add",
        "auth user list",
        "auth user show",
        "auth user remove",
        "auth user enable",
        "auth user disable",
        "auth user set-roles",
        "auth user set-password",
        "auth role",
        "auth role add",
        "auth role list",
        "auth role show",
        "auth role update",
        "auth role remove",
        "auth key",
        "auth key add",
        "auth key list",
        "auth key enable",
        "auth key disable",
        "auth key remove",
        "auth key rotate",
        "backup",
        "fsck",
        "keys",
        "keys list",
        "keys create",
        "keys rotate",
        "scrub",
        "version",
    ],
)
def test_every_command_explains_itself(command: str, tmp_path: Path) -> None:
    result = s3gw(*command.split(), "--help", folder=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith(f"usage: s3gw {command}".rstrip())
    groups = ("config", "keys", "auth user", "auth role", "auth key")
    assert command in groups or "examples:" in result.stdout


def test_version(tmp_path: Path) -> None:
    assert s3gw("version", folder=tmp_path).stdout.startswith(f"s3gw {__version__} ")


@pytest.mark.parametrize("words", [["bogus"], [], ["serve", "--prot", "1"], ["fsck"]])
def test_wrong_use_is_exit_code_2(words: list[str], tmp_path: Path) -> None:
    assert s3gw(*words, folder=tmp_path).returncode == 2


def test_config_show_says_what_and_whence(tmp_path: Path) -> None:
    words = ("config", "show", "--json", "--port", "8000")
    keys = {"S3GW_ROOT_ACCESS_KEY": "ROOT", "S3GW_ROOT_SECRET_KEY": SECRET_KEY}
    result = s3gw(*words, folder=tmp_path, **keys)
    shown = json.loads(result.stdout)
    assert shown["server.port"] == {"value": 8000, "source": "flag --port"}
    assert shown["auth.root_secret_key"]["value"] == "***"
    assert SECRET_KEY not in result.stdout + result.stderr


def test_a_bad_setting_is_one_sentence(tmp_path: Path) -> None:
    said = refusal("serve", "--port", "x", folder=tmp_path, code=2)
    expected = "s3gw: server.port = 'x' (flag --port): must be a whole number from 0 to 65535."
    assert said == expected


def test_the_file_named_by_the_environment_is_read(tmp_path: Path) -> None:
    (tmp_path / "s3gw.toml").write_text("[log]\nlevel = 'debug'")
    result = s3gw("config", "show", folder=tmp_path, S3GW_CONFIG="s3gw.toml")
    assert 'log.level                       = "debug"' in result.stdout


def test_a_port_in_use_is_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = refusal("serve", "--port", port, folder=tmp_path, code=1)
    assert said == (
        f"s3gw: Cannot listen on 127.0.0.1 port {port}: another program listens there: "
        "stop it, or give another --port."
    )


def test_a_port_of_another_s3gw_is_in_use_too(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "first") as server:
        said = refusal("serve", "--port", str(server.port), folder=tmp_path, code=1)
    assert "another program listens there" in said


def test_an_address_of_another_machine_is_said_so(tmp_path: Path) -> None:
    said = refusal("serve", "--host", "192.0.2.1", folder=tmp_path, code=1)
    assert "this machine does not have that address" in said


def test_a_folder_in_use_is_said_so(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        data = str(server.data[0])
        said = refusal("serve", "--port", "0", "--data", data, folder=tmp_path, code=1)
        assert f"{data} is in use by another s3gw" in said
        assert "is in use by another s3gw" in refusal("fsck", data, folder=tmp_path, code=1)
        assert server.health() == 200


def test_a_folder_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = refusal("serve", "--data", "file/data", folder=tmp_path, code=1)
    assert "file/data" in said
    assert "--data" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    said = refusal("serve", "--data", "locked/data", folder=tmp_path, code=1)
    assert "Permission denied" in said


def test_what_stops_a_worker_from_starting_is_said_once(tmp_path: Path) -> None:
    words = ("serve", "--port", "0", "--workers", "2", "--access-log", "nowhere/access.log")
    said = refusal(*words, folder=tmp_path, code=1)
    assert said == (
        "s3gw: log.access = 'nowhere/access.log': the file cannot be opened: "
        "No such file or directory."
    )


def test_no_auth_is_refused_on_a_reachable_address(tmp_path: Path) -> None:
    said = refusal("serve", "--no-auth", "--host", "0.0.0.0", folder=tmp_path, code=2)
    assert "add --allow-remote" in said


def test_a_missing_server_is_named(tmp_path: Path) -> None:
    hide = tmp_path / "sitecustomize.py"
    hide.write_text("import sys; sys.modules['hypercorn'] = None")
    result = s3gw(
        "serve", "--http-server", "hypercorn", folder=tmp_path, PYTHONPATH=_path(tmp_path)
    )
    assert result.returncode == 2
    assert "pip install hypercorn" in result.stderr


def test_fsck_and_scrub_tell_a_whole_store_from_a_damaged_one(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        client = server.client()
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="key", Body=bytes(3 << 20))
        server.stop()
        data = str(server.data[0])
        assert s3gw("fsck", data, folder=tmp_path).stdout.startswith("All is well: 1 objects")
        assert "All is well: 1 objects in " in s3gw("scrub", data, folder=tmp_path).stdout
        (blob,) = (path for path in (Path(data) / "blobs").rglob("*") if path.is_file())
        with blob.open("r+b") as opened:
            opened.seek(1 << 20)
            opened.write(b"damage")
        result = s3gw("scrub", "--json", data, folder=tmp_path)
        assert result.returncode == 1
        (damage,) = json.loads(result.stdout)["damage"]
        assert (damage["bucket"], damage["name"]) == ("bucket", "key")
        blob.unlink()
        result = s3gw("fsck", data, folder=tmp_path)
        assert result.returncode == 1
        assert "damaged: bucket/key" in result.stdout


def _path(first: Path) -> str:
    return os.pathsep.join([str(first), clean_environment()["PYTHONPATH"]])
