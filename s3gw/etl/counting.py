"""Counts of what one process sends through transformers, saved once a second."""

from __future__ import annotations

import asyncio
import logging

from s3gw.etl.records import Counts, EtlRecords, ObjectError
from storage.errors import StorageError

log = logging.getLogger(__name__)

_SAVED_EVERY_S = 1.0
# The most starts that are remembered.
_MOST = 1000


class Counting:
    """For one event loop; `process` names this one among those of all machines."""

    def __init__(self, records: EtlRecords, process: str) -> None:
        self._records = records
        self._process = process
        self._counts: dict[str, Counts] = {}
        self._unsaved: set[str] = set()
        self._saving: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def done(self, xid: str, bytes_in: int, bytes_out: int) -> None:
        self._add(xid, Counts(1, bytes_in, bytes_out))

    def failed(self, xid: str, error: ObjectError) -> None:
        self._add(xid, Counts(errors=(error,)))

    async def close(self) -> None:
        """Save what is not saved yet."""
        if self._timer is not None:
            self._timer.cancel()
        if self._saving is not None:
            await asyncio.wait([self._saving])
        await self._save()

    def _add(self, xid: str, counts: Counts) -> None:
        if len(self._counts) >= _MOST and not self._unsaved:
            self._counts.clear()
        self._counts[xid] = self._counts.get(xid, Counts()).plus(counts)
        self._unsaved.add(xid)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SAVED_EVERY_S, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._saving = asyncio.create_task(self._save())

    async def _save(self) -> None:
        unsaved, self._unsaved = self._unsaved, set()
        for xid in unsaved:
            try:
                await self._records.count(xid, self._process, self._counts[xid])
            except StorageError as error:
                log.warning("cannot count what was transformed", extra={"error": repr(error)})
