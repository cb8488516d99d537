"""WebDataset: shards of tar files, read through pipes and through fsspec."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from compat.clients import raw
from compat.clients.target import endpoint, noise

# It lives in this suite's own environment only; the rest of fsspec is found by itself.
webdataset = import_module("webdataset")
fsspec = import_module("fsspec")

SAMPLES = 60


@pytest.fixture(name="bucket")
def _bucket() -> Iterator[str]:
    with raw.new_bucket("wds") as name:
        yield name


@pytest.fixture(autouse=True)
def _endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint())


def write(stream: Any, start: int) -> None:
    with webdataset.TarWriter(stream) as out:
        for number in range(start, start + SAMPLES // 3):
            out.write({"__key__": f"{number:04d}", "bin": noise(50_000, number), "cls": number})


def read(urls: Any) -> dict[int, bytes]:
    found = webdataset.WebDataset(urls, shardshuffle=False).decode().to_tuple("cls", "bin")
    return dict(found)


EXPECTED = {number: noise(50_000, number) for number in range(SAMPLES)}
# A user has `aws s3 cp` there; the pipe does not care.
CAT = f"{sys.executable} -c 'import fsspec,shutil,sys; {{}}'"
READ = CAT.format('shutil.copyfileobj(fsspec.open("{url}").open(), sys.stdout.buffer)')
WRITE = CAT.format(
    'f = fsspec.open("{url}", "wb").open(); shutil.copyfileobj(sys.stdin.buffer, f); f.close()'
)


def test_shards_are_written_and_read_through_pipes(bucket: str) -> None:
    urls = [f"s3://{bucket}/sp ace/shard-{number}.tar" for number in range(3)]
    for number, url in enumerate(urls):
        with webdataset.gopen(f"pipe:{WRITE.format(url=url)}", "wb") as stream:
            write(stream, number * SAMPLES // 3)
    assert read([f"pipe:{READ.format(url=url)}" for url in urls]) == EXPECTED


def test_shards_are_written_and_read_through_fsspec(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WebDataset knows no `s3:`; this is how its users teach it."""
    schemes = import_module("webdataset.gopen").gopen_schemes
    monkeypatch.setitem(schemes, "s3", lambda url, *_, **__: fsspec.open(url, "rb").open())
    for number in range(3):
        with fsspec.open(f"s3://{bucket}/shard-{number}.tar", "wb") as stream:
            write(stream, number * SAMPLES // 3)
    assert read(f"s3://{bucket}/shard-{{0..2}}.tar") == EXPECTED


def test_shards_are_read_by_presigned_urls(bucket: str) -> None:
    files = fsspec.filesystem("s3", endpoint_url=endpoint())
    with files.open(f"{bucket}/shard.tar", "wb") as stream:
        write(stream, 0)
    found = read([f"pipe:curl -sf '{files.sign(f'{bucket}/shard.tar')}'"])
    assert sorted(found) == list(range(SAMPLES // 3))


def test_a_missing_shard_is_told(bucket: str) -> None:
    """All that a pipe can tell."""
    with pytest.raises(Exception, match=r"empty file|exit 1"):
        read([f"pipe:{READ.format(url=f's3://{bucket}/none.tar')}"])
