"""Where a download goes: onto files, links, devices and pipes."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from s3gw.client.errors import ClientError
from s3gw.client.files import download_file
from s3gw.client.replacing import Replacement
from s3gw.config.private_file import write_durably
from s3gw.telemetry.line_writer import OLDER, LogFile
from tests.client.canned import Canned, answer
from tests.client.test_files import BODY, NAME, told

IS_ROOT = os.geteuid() == 0


def get(file: Path) -> None:
    with Canned([answer(200, BODY, *told(BODY))]) as server, server.client() as client:
        assert client.receive(download_file(NAME, file)) == len(BODY)


def test_a_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    get(pipe)
    reader.join()
    assert read == [BODY]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.skipif(not IS_ROOT, reason="only root can make a device, and destroy one")
def test_a_device_is_written_into_and_stays(tmp_path: Path) -> None:
    device = tmp_path / "null"
    os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    get(device)
    assert stat.S_ISCHR(device.stat().st_mode)


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    file, link, dangling = tmp_path / "far" / "file", tmp_path / "link", tmp_path / "dangling"
    file.write_text("older")
    link.symlink_to(Path("far") / "file")
    dangling.symlink_to(Path("far") / "new")
    for each in (link, dangling):
        get(each)
        assert each.is_symlink()
        assert each.read_bytes() == BODY
    assert sorted(path.name for path in (tmp_path / "far").iterdir()) == ["file", "new"]


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ClientError, match="cannot be written"):
        get(tmp_path / "loop")
    assert (tmp_path / "loop").is_symlink()


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o660])
def test_the_mode_stays(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "file"
    file.write_text("older")
    file.chmod(mode)
    get(file)
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert file.read_bytes() == BODY


def test_a_new_file_has_the_mode_of_every_new_file(tmp_path: Path) -> None:
    (tmp_path / "touched").touch()
    get(tmp_path / "file")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "touched").stat().st_mode


@pytest.mark.skipif(not IS_ROOT, reason="only root can write to files of others")
def test_the_owner_stays(tmp_path: Path) -> None:
    for write in (get, lambda file: write_durably(file, b"secret")):
        file = tmp_path / "file"
        file.write_text("older")
        os.chown(file, 12345, 23456)
        write(file)
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 23456)


def test_the_other_names_of_a_file_stay(tmp_path: Path) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_text("older, and longer than the object")
    other.hardlink_to(file)
    get(file)
    assert file.samefile(other)
    assert other.read_bytes() == BODY
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="cannot be written: Is a directory"):
        get(tmp_path)


@pytest.mark.skipif(IS_ROOT, reason="root may write to any file")
def test_a_file_that_may_not_be_written_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("older")
    file.chmod(0o400)
    with pytest.raises(ClientError, match="cannot be written: Permission denied"):
        get(file)
    assert file.read_text() == "older"


def test_what_is_not_committed_leaves_nothing(tmp_path: Path) -> None:
    with Replacement(tmp_path / "file") as opened:
        opened.write(b"half")
    assert list(tmp_path.iterdir()) == []


def test_secrets_are_replaced_behind_their_link(tmp_path: Path) -> None:
    file, link = tmp_path / "keys.json", tmp_path / "link"
    link.symlink_to(file)
    for content in (b"first", b"second"):
        write_durably(link, content)
        assert file.read_bytes() == content + b"\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert link.is_symlink()


def test_a_log_rotates_behind_its_link_and_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    file, link = tmp_path / "far" / "log", tmp_path / "log"
    file.touch(mode=0o600)
    link.symlink_to(file)
    log = LogFile(link, max_bytes=4)
    for line in (b"one\n", b"two\n"):
        log.write(line)
    log.close()
    assert link.is_symlink()
    assert file.with_name(file.name + OLDER).read_bytes() == b"two\n"
    log = LogFile(link, max_bytes=4)
    log.write(b"3\n")
    log.close()
    assert file.read_bytes() == b"3\n"


def test_a_log_that_is_not_a_file_does_not_rotate(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = LogFile(pipe, max_bytes=1)
    log.write(b"line\n")
    log.close()
    assert os.read(reader, 99) == b"line\n"
    os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]
