"""Blobs of a backup: linked from an earlier one, or copied and verified."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress

from msgspec import Struct

from storage.backends.local.mountpath import Mountpath
from storage.backends.local.scrub import RateLimit
from storage.blobs.copying import copy_verified
from storage.blobs.reading import Vanished
from storage.blobs.verifying import blocks_of, require_label
from storage.errors import Corrupt, DeviceFailed
from storage.index.rows import Chunk


class EarlierFolder(Struct, frozen=True):
    """The same mountpath in an earlier backup. Only if `is_trusted` its blobs were on the disk when
    it got its name; others are read before they are used again."""

    mountpath: Mountpath
    is_trusted: bool


class BlobCopier(Struct):
    """Puts the blobs of one mountpath into its copy."""

    source: Mountpath
    copy: Mountpath
    earlier: Sequence[EarlierFolder]
    rate: RateLimit
    linked: int = 0
    copied: int = 0
    copied_bytes: int = 0

    def take(self, chunk: Chunk) -> str:
        """Put one blob into the copy; what is wrong with it, empty for nothing. A damaged one goes
        to the quarantine there, as it is: it may be all that is left."""
        if os.path.exists(self.copy.blob(chunk.blob)) or self._link(chunk):
            return ""
        try:
            self._copy(chunk)
        except (Vanished, FileNotFoundError):
            _remove(self._aside(chunk))
            return "blob missing"
        except (Corrupt, DeviceFailed) as error:
            with suppress(OSError):
                shutil.copyfile(self.source.blob(chunk.blob), self._aside(chunk))
            return str(error)
        return ""

    def _link(self, chunk: Chunk) -> bool:
        for each in self.earlier:
            if _is_whole(each, chunk, self.rate) and self._link_from(each.mountpath, chunk):
                self.linked += 1
                return True
        return False

    def _link_from(self, earlier: Mountpath, chunk: Chunk) -> bool:
        """Where a file system has no hard links, or this file has the most, it is copied."""
        try:
            os.link(earlier.blob(chunk.blob), self.copy.blob(chunk.blob))
        except OSError:
            return False
        return True

    def _copy(self, chunk: Chunk) -> None:
        aside = self._aside(chunk)
        _remove(aside)
        copy_verified(self.source, chunk, aside, self.rate.spend)
        os.rename(aside, self.copy.blob(chunk.blob))
        self.copied += 1
        self.copied_bytes += chunk.size

    def _aside(self, chunk: Chunk) -> str:
        return f"{self.copy.quarantine}/{chunk.blob}"


def _is_whole(earlier: EarlierFolder, chunk: Chunk, rate: RateLimit) -> bool:
    try:
        require_label(earlier.mountpath.blob(chunk.blob), chunk)
        if not earlier.is_trusted:
            for block in blocks_of(earlier.mountpath, chunk):
                rate.spend(len(block))
    except (OSError, Corrupt, DeviceFailed, Vanished):
        return False
    return True


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
