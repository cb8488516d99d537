"""Jobs of the downloader and of dsort, which this server does not have: none.

AIStore's command line asks for them whenever it shows jobs. A build of AIStore without them answers
an empty list too.
"""

from __future__ import annotations

from typing import Any

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import NativeError, Tcode, unsupported
from s3gw.native.operation import document, operation, query


@operation("GET", "download", access=Access.SHOW_CLUSTER)
class ListDownloads:
    """The document names a job, or a pattern of names."""

    asked: dict[str, Any] | None = document(default=None)

    async def run(self, call: NativeCall) -> Reply:
        if xid := (self.asked or {}).get("id"):
            message = f"download job {str(xid)[:64]} does not exist"
            raise NativeError(404, message, Tcode.NOT_FOUND)
        return json_reply([])


@operation("GET", "sort", access=Access.SHOW_CLUSTER)
class ListSorts:
    """One sort is refused, as a build of AIStore without dsort refuses to begin one."""

    xid: str = query("uuid", default="")

    async def run(self, call: NativeCall) -> Reply:
        if self.xid:
            raise unsupported("dsort")
        return json_reply([])
