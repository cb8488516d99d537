"""Blobs that a dead process of this node left in doubt.

Each file left in its slot names one blob to look at. If the index names the blob, it stays. If not,
its writer was never acknowledged; but the statement that names it may still be on its way to the
database, so only what is `ORPHAN_KEPT_S` old by the clock of the file system is removed.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

import asyncpg

from cluster.bytes.shared_folder import Slot, dead_slots
from cluster.database.connecting import Database
from cluster.index.naming import names_blob
from storage.blobs.blob import read_footer
from storage.blobs.folder import BlobFolder
from storage.blobs.labels import Label
from storage.errors import Corrupt

log = logging.getLogger(__name__)

ORPHAN_KEPT_S = 3600.0


async def settle_doubt(
    database: Database, folder: BlobFolder, node: str, *, kept_s: float = ORPHAN_KEPT_S
) -> int:
    """Look at what the node's dead processes left; return how many files stay in doubt. Raises
    `DatabaseAway`, `OSError`."""
    left = 0
    slots = dead_slots(folder, node)
    while (slot := await asyncio.to_thread(next, slots, None)) is not None:
        try:
            left += await _settle(database, slot, kept_s)
        finally:
            slot.close()
    return left


async def _settle(database: Database, slot: Slot, kept_s: float) -> int:
    before_s = await asyncio.to_thread(slot.now_s) - kept_s
    left = 0
    for work in await asyncio.to_thread(slot.files):
        if not await _settle_file(database, slot.place.folder, work, before_s):
            left += 1
    if not left:
        await asyncio.to_thread(slot.remove)
    return left


async def _settle_file(database: Database, folder: BlobFolder, work: Path, before_s: float) -> bool:
    """Return whether there is no doubt any more."""
    blob = Path(folder.blob(work.name))
    try:
        label = await asyncio.to_thread(_label_of, work)
    except Corrupt as error:
        if await asyncio.to_thread(blob.exists):
            log.error("a blob in doubt cannot be read", extra={"error": str(error)})
            return False
        # It was never finished, and so never linked.
        await asyncio.to_thread(os.unlink, work)
        return True
    try:
        async with database.connection() as connection, connection.transaction():
            is_named = await names_blob(connection, label, work.name)
    except asyncpg.LockNotAvailableError:
        return False
    if not is_named and await asyncio.to_thread(_modified_s, work) > before_s:
        return False
    await asyncio.to_thread(_finish, work, None if is_named else blob)
    return True


def _label_of(work: Path) -> Label:
    return read_footer(work).label


def _modified_s(work: Path) -> float:
    return os.stat(work).st_mtime


def _finish(work: Path, orphan: Path | None) -> None:
    """The work file is removed last: a crash in between is looked at once more."""
    if orphan is not None:
        with suppress(FileNotFoundError):
            os.unlink(orphan)
    os.unlink(work)
