"""Files into objects and objects into files.

What is uploaded carries its checksum, which the server verifies before the object is there. What is
downloaded is written beside its place and renamed when all of it is there and its checksum is
right, so that no file is ever half an object.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Protocol

from s3gw.client.checksums import TYPE_HEADER, VALUE_HEADER, Check, new_hasher, promise
from s3gw.client.errors import ClientError
from s3gw.client.names import ObjectName
from s3gw.client.objects import (
    Wanted,
    append_member,
    delete_object,
    open_object,
    put_object,
)
from s3gw.client.transport import BLOCK_BYTES, Body, Client, Stream


class Meter(Protocol):
    """Is told how many bytes there will be, and how many have passed."""

    def expect(self, size_bytes: int) -> None: ...
    def count(self, size_bytes: int) -> None: ...


class _Nobody:
    def expect(self, size_bytes: int) -> None:
        pass

    def count(self, size_bytes: int) -> None:
        pass


NOBODY: Meter = _Nobody()
# An upload from a pipe is kept in memory up to this, so that it can carry its checksum.
_MAX_HELD_BYTES = 8 << 20


def upload_file(
    client: Client,
    file: Path,
    name: ObjectName,
    *,
    headers: Mapping[str, str] | None = None,
    meter: Meter = NOBODY,
) -> int:
    """How many bytes it has. Raises `ClientError`, also when it cannot be read."""
    body, promised = _promised(file, meter)
    put_object(client, name, body, {**(headers or {}), **promised})
    return body.size or 0


def add_to_archive(
    client: Client, file: Path, archive: ObjectName, member: str, *, creates: bool
) -> int:
    """As `upload_file`, into an archive; one that is not there is made, if `creates`."""
    body, promised = _promised(file, NOBODY)
    append_member(client, archive, member, body, promised, creates=creates)
    return body.size or 0


def upload_stream(
    client: Client, source: IO[bytes], name: ObjectName, *, headers: Mapping[str, str] | None = None
) -> int:
    """From a pipe, whose length nobody knows: what is long is verified afterwards, by the checksum
    that the server tells."""
    hasher = new_hasher()
    assert hasher is not None
    begin = _read_up_to(source, _MAX_HELD_BYTES)
    if len(begin) < _MAX_HELD_BYTES:
        hasher.update(begin)
        body = Body(lambda: [begin], len(begin))
        put_object(client, name, body, {**(headers or {}), **promise(hasher)})
        return len(begin)
    sent = 0

    def blocks() -> Iterator[bytes]:
        nonlocal sent
        block = begin
        while block:
            hasher.update(block)
            sent += len(block)
            yield block
            block = _read_up_to(source, BLOCK_BYTES)

    told = put_object(client, name, Body(blocks, once=True), headers or {})
    is_ours = (told.get(TYPE_HEADER) or "").startswith("xxhash")
    if is_ours and told.get(VALUE_HEADER) != hasher.hexdigest():
        delete_object(client, name)
        raise ClientError(f"{name} arrived damaged, and was removed", next_step="Try again.")
    return sent


def download(
    client: Client, name: ObjectName, wanted: Wanted, to: IO[bytes], meter: Meter = NOBODY
) -> int:
    """Into an open file, which may be a pipe. Raises `ClientError` when it is not whole."""
    with open_object(client, name, wanted) as stream:
        check = _check_of(stream, wanted)
        meter.expect(stream.size or 0)
        size = 0
        for block in stream.blocks():
            check.update(block)
            to.write(block)
            size += len(block)
            meter.count(len(block))
    check.finish(str(name))
    return size


def download_file(
    client: Client,
    name: ObjectName,
    file: Path,
    wanted: Wanted | None = None,
    meter: Meter = NOBODY,
) -> int:
    """Whole or not at all. Raises `ClientError`, also when it cannot be written."""
    try:
        with replaced(file) as opened:
            return download(client, name, wanted or Wanted(), opened, meter)
    except OSError as error:
        raise ClientError(f"{file} cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def replaced(file: Path) -> Iterator[IO[bytes]]:
    """A file beside `file`, which takes its place at the end; after an error it is gone."""
    beside = file.with_name(f".s3gw-{secrets.token_hex(8)}.part")
    try:
        with beside.open("xb") as opened:
            yield opened
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def file_blocks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb", buffering=0) as opened:
            while block := opened.read(BLOCK_BYTES):
                yield block
    except OSError as error:
        raise ClientError(f"{file} cannot be read: {error.strerror or error}") from None


def _promised(file: Path, meter: Meter) -> tuple[Body, dict[str, str]]:
    """The file as it is now, and the headers with its checksum."""
    hasher, size = new_hasher(), 0
    assert hasher is not None
    for block in file_blocks(file):
        hasher.update(block)
        size += len(block)
    meter.expect(size)
    return Body(lambda: _exactly(size, file, meter), size), promise(hasher)


def _check_of(stream: Stream, wanted: Wanted) -> Check:
    """Checksums are those of whole objects."""
    if not wanted.is_whole:
        return Check("", "")
    return Check(stream.headers.get(TYPE_HEADER, ""), stream.headers.get(VALUE_HEADER, ""))


def _exactly(size: int, file: Path, meter: Meter = NOBODY) -> Iterator[bytes]:
    """The blocks of a file that must not have changed since: its length was promised."""
    seen = 0
    for block in file_blocks(file):
        seen += len(block)
        if seen > size:
            break
        yield block
        meter.count(len(block))
    if seen != size:
        raise ClientError(f"{file} changed while it was read", next_step="Nothing was stored.")


def _read_up_to(source: IO[bytes], size: int) -> bytes:
    """All of it unless the source ends."""
    read = bytearray()
    while len(read) < size and (block := source.read(size - len(read))):
        read += block
    return bytes(read)
