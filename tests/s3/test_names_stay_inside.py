"""Whatever a bucket, an object or an upload is called: on the disk it is never a path.

Objects live in files that are named by the store; names stand in the index only. So after every
request below, the data folders hold files of the store's own naming, and nothing beside them
changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from storage.backends.local import StoreOptions
from storage.clock import SystemClock
from tests.s3.gateway import Gateway
from tests.storage.local_stores import local_store, mountpaths_in

EVIL = [
    "../escaped", "../../escaped", "a/../../../escaped", "..", ".", "/etc/passwd", "//escaped",
    "..\\escaped", "escaped\x00.txt", "\x00", "a/./b", "a/../b", "~/escaped", "$(touch escaped)",
    "..%2f..%2fescaped", "%2e%2e/escaped", "..\uff0fescaped", "‥/escaped", "index.db",
    "blobs/00/00/escaped", "work/escaped", "C:\\escaped", "con", "a" * 1024, "\n", "escaped\r\n",
    "/", "//", "../" * 300 + "escaped", "-rf", "|escaped", "file:///escaped",
]  # fmt: skip
# Large enough for a file of its own.
BODY = b"x" * (64 << 10)
OWN_NAME = re.compile(
    r"mountpath\.json|index\.db(-wal|-shm|-shape|-noted)?|(\w+\.)?lock|quarantine|work(/[\w-]+){0,2}"
    r"|blobs(/[0-9a-f]{2}(/[0-9a-f]{32})?)?"
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "beside" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "beside" / "precious").write_text("precious")
    return folder


@pytest.fixture
def inside(data: Path) -> Iterator[Gateway]:
    paths = mountpaths_in(data, 2)
    for path in paths:
        path.mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        gateway = Gateway(store)
        yield gateway
        gateway.close()


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def check_nothing_escaped(data: Path) -> None:
    beside = data.parent
    assert {path.name for path in beside.iterdir()} == {"data", "precious"}
    assert (beside / "precious").read_text() == "precious"
    assert [path.name for path in beside.parent.iterdir()] == ["beside"]
    names = [path for path in everything(data) if "/" in path]
    assert names
    assert not [name for name in names if "escaped" in name or "passwd" in name]
    assert not [name for name in names if not OWN_NAME.fullmatch(name.partition("/")[2])]


def spellings(name: str) -> list[str]:
    """All encoded, and with its slashes left."""
    return list(dict.fromkeys([quote(name, safe=""), quote(name, safe="/")]))


@pytest.mark.parametrize("name", EVIL)
def test_object_names(inside: Gateway, data: Path, name: str) -> None:
    bucket = inside.new_bucket()
    for spelling in spellings(name):
        target = f"/{bucket}/{spelling}"
        stored = inside.send("PUT", target, body=BODY).status
        assert stored in (200, 400)
        if stored == 200:
            assert inside.send("GET", target).body == BODY
            copied = {"x-amz-copy-source": target}
            assert inside.send("PUT", f"/{bucket}/copy", copied).status == 200
        uploads = inside.send("POST", f"{target}?uploads")
        assert uploads.status in (200, 400)
        check_nothing_escaped(data)
        assert inside.send("DELETE", target).status in (204, 400)
    check_nothing_escaped(data)


@pytest.mark.parametrize("name", EVIL)
def test_bucket_names(inside: Gateway, data: Path, name: str) -> None:
    inside.new_bucket()
    for spelling in spellings(name):
        for method in ("PUT", "GET", "DELETE"):
            assert inside.send(method, f"/{spelling}").status < 500
        hosted = {"x-amz-copy-source": f"/{spelling}/key"}
        assert inside.send("PUT", f"/{inside.new_bucket()}/copy", hosted).status < 500
    check_nothing_escaped(data)


@pytest.mark.parametrize("name", EVIL)
def test_upload_ids_and_versions(inside: Gateway, data: Path, name: str) -> None:
    bucket = inside.new_bucket()
    inside.send("PUT", f"/{bucket}/key", body=BODY)
    for spelling in spellings(name):
        upload = f"/{bucket}/key?uploadId={spelling}"
        assert inside.send("PUT", f"{upload}&partNumber=1", body=BODY).status == 404
        assert inside.send("GET", upload).status == 404
        assert inside.send("DELETE", upload).status == 404
        for method in ("GET", "DELETE"):
            version = f"/{bucket}/key?versionId={spelling}"
            assert inside.send(method, version).status in (204, 400, 404)
        for query in ("prefix", "marker", "start-after", "delimiter", "continuation-token"):
            assert inside.send("GET", f"/{bucket}?{query}={spelling}").status in (200, 400)
    assert inside.send("GET", f"/{bucket}/key").body == BODY
    check_nothing_escaped(data)
