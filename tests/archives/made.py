"""Archives as Python's own library and lz4 make them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Sequence

import lz4.frame

from storage.archives import ArchiveFormat

Files = Sequence[tuple[str, bytes]]


def tar(files: Files, form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return made.getvalue()


def made(kind: ArchiveFormat, files: Files) -> bytes:
    match kind:
        case ArchiveFormat.TAR:
            return tar(files)
        case ArchiveFormat.TGZ:
            return gzip.compress(tar(files))
        case ArchiveFormat.TAR_LZ4:
            return bytes(lz4.frame.compress(tar(files)))
        case ArchiveFormat.ZIP:
            return zipped(files)


def read_back(kind: ArchiveFormat, archive: bytes) -> list[tuple[str, bytes]]:
    """The files of an archive, in its order."""
    if kind is ArchiveFormat.ZIP:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            assert opened.testzip() is None
            return [(info.filename, opened.read(info)) for info in opened.infolist()]
    if kind is ArchiveFormat.TGZ:
        archive = gzip.decompress(archive)
    elif kind is ArchiveFormat.TAR_LZ4:
        archive = lz4.frame.decompress(archive)
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened_tar:
        found = []
        for member in opened_tar:
            file = opened_tar.extractfile(member)
            assert file is not None
            found.append((member.name, file.read()))
        return found
