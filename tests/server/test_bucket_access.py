"""A server, and `s3gw auth access` beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.server.test_commands import s3gw
from tests.server_process import ServerProcess


def test_a_bucket_is_closed_and_opened_beside_a_running_server(tmp_path: Path) -> None:
    data = tmp_path / "data"
    place = ("--data", str(data))
    with ServerProcess(tmp_path, data=[data]) as server:
        s3 = server.client()
        s3.create_bucket(Bucket="photos")
        assert s3gw("auth", "access", "photos", *place, folder=tmp_path).stdout == "photos: su\n"
        closed = s3gw("auth", "access", "photos", "ro", "--json", *place, folder=tmp_path)
        assert json.loads(closed.stdout) == {"bucket": "photos", "access": "771"}
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket="photos", Key="k", Body=b"x")
        assert s3.list_objects_v2(Bucket="photos")["KeyCount"] == 0
        s3gw("auth", "access", "photos", "all", *place, folder=tmp_path)
        s3.put_object(Bucket="photos", Key="k", Body=b"x")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [(["photos"], 1, "photos"), (["photos", "read"], 2, "ro, rw, su"), (["photos", "-1"], 2, "")],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, words: list[str], code: int, says: str
) -> None:
    with ServerProcess(tmp_path, data=[tmp_path / "data"]):
        place = ("--data", str(tmp_path / "data"))
        result = s3gw("auth", "access", *words, *place, folder=tmp_path)
    assert result.returncode == code
    assert says in result.stderr
    assert "Traceback" not in result.stderr
