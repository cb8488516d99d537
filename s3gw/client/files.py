"""Files into objects and objects into files.

An upload carries its checksum, which the server verifies before it stores the object. A download is
written beside its target and takes its place when it is complete and its checksum is right, so that
a file is never half an object. Reading and writing of local files happens within the steps and
receivers, which a driver with an event loop runs in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from s3gw.client.call import BLOCK_BYTES, Body, Download, Headers, ResponseHead, Steps
from s3gw.client.checksums import (
    TYPE_HEADER,
    VALUE_HEADER,
    Hasher,
    Verifier,
    checksum_headers,
    new_hasher,
)
from s3gw.client.errors import ClientError
from s3gw.client.names import ObjectName
from s3gw.client.objects import (
    ObjectRead,
    append_member,
    delete_object,
    get_object,
    put_object,
)
from s3gw.client.replacing import Replacement


class Meter(Protocol):
    """Receives how many bytes there will be, and how many have passed."""

    def expect(self, size_bytes: int) -> None: ...
    def count(self, size_bytes: int) -> None: ...


class _NoMeter:
    def expect(self, size_bytes: int) -> None:
        pass

    def count(self, size_bytes: int) -> None:
        pass


NO_METER: Meter = _NoMeter()
# An upload from a pipe is kept in memory up to this size, so that it can carry its checksum.
_MAX_HELD_BYTES = 8 << 20


def upload_file(
    file: Path,
    name: ObjectName,
    *,
    headers: Mapping[str, str] | None = None,
    meter: Meter = NO_METER,
) -> Steps[int]:
    """Return the file's size. Raises `ClientError`, also when it cannot be read."""
    body, sums = _with_checksum(file, meter)
    yield put_object(name, body, {**(headers or {}), **sums})
    return body.size or 0


def add_to_archive(file: Path, archive: ObjectName, member: str, *, creates: bool) -> Steps[int]:
    """As `upload_file`, into an archive, which is created if it does not exist and `creates`."""
    body, sums = _with_checksum(file, NO_METER)
    yield append_member(archive, member, body, sums, creates=creates)
    return body.size or 0


def upload_stream(
    source: IO[bytes], name: ObjectName, *, headers: Mapping[str, str] | None = None
) -> Steps[int]:
    """Upload from a pipe of unknown length. A long one is verified afterwards, by the checksum in
    the response, and removed when that differs."""
    hasher = _upload_hasher()
    begin = _read_up_to(source, _MAX_HELD_BYTES)
    if len(begin) < _MAX_HELD_BYTES:
        hasher.update(begin)
        body = Body(lambda: [begin], len(begin))
        yield put_object(name, body, {**(headers or {}), **checksum_headers(hasher)})
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

    stored: Headers = yield put_object(name, Body(blocks, once=True), headers or {})
    is_comparable = stored.get(TYPE_HEADER).startswith("xxhash")
    if is_comparable and stored.get(VALUE_HEADER) != hasher.hexdigest():
        yield delete_object(name)
        raise ClientError(f"{name} arrived damaged, and was removed", next_step="Try again.")
    return sent


def download(
    name: ObjectName, read: ObjectRead, to: IO[bytes], meter: Meter = NO_METER
) -> Download[int]:
    """Download into an open file, which may be a pipe; the result is its size."""
    return Download(get_object(name, read), OpenFileReceiver(name, read, to, meter))


def download_file(
    name: ObjectName, file: Path, read: ObjectRead | None = None, meter: Meter = NO_METER
) -> Download[int]:
    """Download into a file that appears when it is complete. Raises `ClientError`, also when it
    cannot be written."""
    read = read or ObjectRead()
    return Download(get_object(name, read), FileReceiver(name, read, file, meter))


class OpenFileReceiver:
    """Writes a body to an open file, and verifies the checksum of a whole object."""

    def __init__(self, name: ObjectName, read: ObjectRead, to: IO[bytes], meter: Meter) -> None:
        self._name = name
        self._is_whole = read.is_whole
        self._to = to
        self._meter = meter
        self._verifier = Verifier("", "")
        self._size = 0

    def __enter__(self) -> OpenFileReceiver:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The file belongs to the caller."""

    def begin(self, head: ResponseHead) -> None:
        if self._is_whole:
            self._verifier = Verifier(head.headers.get(TYPE_HEADER), head.headers.get(VALUE_HEADER))
        self._meter.expect(head.size or 0)

    def write(self, block: bytes) -> None:
        self._verifier.update(block)
        self._to.write(block)
        self._size += len(block)
        self._meter.count(len(block))

    def finish(self) -> int:
        self._verifier.finish(str(self._name))
        return self._size


class FileReceiver:
    """Writes a body that takes the place of `file` at the end; after an error nothing is left of
    it. What is not a regular file is written into."""

    def __init__(self, name: ObjectName, read: ObjectRead, file: Path, meter: Meter) -> None:
        self._file = file
        self._replacement = Replacement(file)
        self._open: Callable[[IO[bytes]], OpenFileReceiver] = lambda opened: OpenFileReceiver(
            name, read, opened, meter
        )

    def __enter__(self) -> FileReceiver:
        try:
            opened = self._replacement.__enter__()
        except OSError as error:
            raise self._unwritable(error) from None
        self._inner = self._open(opened)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._replacement.__exit__(kind, error, trace)

    def begin(self, head: ResponseHead) -> None:
        self._inner.begin(head)

    def write(self, block: bytes) -> None:
        try:
            self._inner.write(block)
        except OSError as error:
            raise self._unwritable(error) from None

    def finish(self) -> int:
        size = self._inner.finish()
        try:
            self._replacement.commit()
        except OSError as error:
            raise self._unwritable(error) from None
        return size

    def _unwritable(self, error: OSError) -> ClientError:
        return ClientError(f"{self._file} cannot be written: {error.strerror or error}")


def file_blocks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb", buffering=0) as opened:
            while block := opened.read(BLOCK_BYTES):
                yield block
    except OSError as error:
        raise ClientError(f"{file} cannot be read: {error.strerror or error}") from None


def _with_checksum(file: Path, meter: Meter) -> tuple[Body, dict[str, str]]:
    """Return the file's bytes as they are now, and the headers with their checksum."""
    hasher, size = _upload_hasher(), 0
    for block in file_blocks(file):
        hasher.update(block)
        size += len(block)
    meter.expect(size)
    return Body(lambda: _exactly(size, file, meter), size), checksum_headers(hasher)


def _exactly(size: int, file: Path, meter: Meter) -> Iterator[bytes]:
    """Yield the blocks of a file whose size was announced. Raises `ClientError` if it changed."""
    seen = 0
    for block in file_blocks(file):
        seen += len(block)
        if seen > size:
            break
        yield block
        meter.count(len(block))
    if seen != size:
        raise ClientError(f"{file} changed while it was read", next_step="Nothing was stored.")


def _upload_hasher() -> Hasher:
    hasher = new_hasher()
    assert hasher is not None
    return hasher


def _read_up_to(source: IO[bytes], size: int) -> bytes:
    """Return `size` bytes, or fewer at the end of the source."""
    read = bytearray()
    while len(read) < size and (block := source.read(size - len(read))):
        read += block
    return bytes(read)
