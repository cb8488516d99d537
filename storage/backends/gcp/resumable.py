"""Uploads of one body in pieces, by the JSON API.

Unlike an upload in parts, it has conditions, and its object has an MD5. Cloud Storage says how far
it has got, so that a piece that broke off continues there, and a last answer that was lost is
given again: a condition cannot fail by what the same upload did.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from storage.backends.gcp import sums
from storage.backends.gcp.facts import FIELDS, Resource
from storage.backends.gcp.place import Place
from storage.backends.gcp.remote import Remote, as_json, read
from storage.errors import BackendError, BackendUnavailable, StorageError

log = logging.getLogger(__name__)

# Cloud Storage has no better one for "go on", and for "it is given up".
_GO_ON = 308
_GIVEN_UP = 499


class ResumableUpload:
    """`size` counts the bytes that were sent."""

    def __init__(self, remote: Remote, place: Place, session: str) -> None:
        self._remote = remote
        self._place = place
        self._session = session
        self._sum = 0
        self.size = 0

    @classmethod
    async def begin(
        cls,
        remote: Remote,
        place: Place,
        path: str,
        resource: Mapping[str, Any],
        params: Mapping[str, str],
    ) -> ResumableUpload:
        answer = await remote.call(
            place,
            "POST",
            path,
            params={**params, "uploadType": "resumable", "fields": FIELDS},
            headers={
                "content-type": "application/json; charset=UTF-8",
                "x-upload-content-type": resource.get("contentType", "application/octet-stream"),
            },
            body=as_json(resource),
        )
        session = answer.headers.get("location", "")
        if not session.startswith(("http://", "https://")):
            raise BackendError(str(place), "InvalidResponse", "an upload has no address")
        return cls(remote, place, session)

    async def send(self, content: bytes) -> None:
        """Send the next piece, of a multiple of 256 KiB, when more will follow."""
        await self._send(content, "*")

    async def finish(self, content: bytes) -> Resource:
        """Send the last piece; return what has come of it."""
        made = await self._send(content, str(self.size + len(content)))
        if made is None:
            raise BackendError(str(self._place), "InvalidResponse", "the upload did not end")
        return made

    @property
    def crc32c(self) -> str:
        return sums.shown(self._sum)

    async def _send(self, content: bytes, total: str) -> Resource | None:
        begin, stop = self.size, self.size + len(content)
        self._sum = await sums.added(content, self._sum)
        arrived, attempt = begin, 1
        while True:
            try:
                made = await self._put(content[arrived - begin :], arrived, stop, total)
            except BackendUnavailable:
                if attempt >= self._remote.options.attempts:
                    raise
                await self._remote.pause(attempt)
                attempt += 1
                made = await self._ask(total)
            if isinstance(made, Resource):
                self.size = stop
                return made
            if not begin <= made <= stop:
                raise BackendError(str(self._place), "InvalidResponse", f"{made} bytes arrived")
            if made == stop and total == "*":
                self.size = stop
                return None
            if made == arrived:
                attempt += 1
                if attempt > self._remote.options.attempts:
                    raise BackendUnavailable(str(self._place), "NoProgress")
            arrived = made

    async def _put(self, content: bytes, start: int, stop: int, total: str) -> Resource | int:
        headers = {"content-range": f"bytes {start}-{stop - 1}/{total}"}
        if total != "*":
            headers["x-goog-hash"] = f"crc32c={self.crc32c}"
        return await self._exchange(headers, content, repeats=False)

    async def _ask(self, total: str) -> Resource | int:
        return await self._exchange({"content-range": f"bytes */{total}"}, b"", repeats=True)

    async def _exchange(
        self, headers: Mapping[str, str], content: bytes, *, repeats: bool
    ) -> Resource | int:
        """Return the object, or how many bytes have arrived."""
        answer = await self._remote.call(
            self._place,
            "PUT",
            self._session,
            headers=headers,
            body=content,
            repeats=repeats,
            accepted=(_GO_ON,),
        )
        if answer.status != _GO_ON:
            return read(Resource, answer, self._place)
        last = answer.headers.get("range", "").rpartition("-")[2]
        return int(last) + 1 if last.isdecimal() else 0

    async def abort(self) -> None:
        """The error that led here is what counts; an upload that stays ends by itself in a week."""
        try:
            await self._remote.call(
                self._place, "DELETE", self._session, accepted=(_GIVEN_UP, 404, 410)
            )
        except StorageError as error:
            log.warning(
                "an unfinished upload stays in its bucket",
                extra={"object": str(self._place), "error": str(error)},
            )
