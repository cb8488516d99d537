"""Jobs of dsort, which this server does not have: none.

AIStore's command line asks for them whenever it shows jobs. A build of AIStore without dsort
answers an empty list too.
"""

from __future__ import annotations

from s3gw.access import Access
from s3gw.http.reply import Reply
from s3gw.native.answers import json_reply
from s3gw.native.call import NativeCall
from s3gw.native.errors import unsupported
from s3gw.native.operation import operation, query


@operation("GET", "sort", access=Access.SHOW_CLUSTER)
class ListSorts:
    """One sort is refused, as a build of AIStore without dsort refuses to begin one."""

    xid: str = query("uuid", default="")

    async def run(self, call: NativeCall) -> Reply:
        if self.xid:
            raise unsupported("dsort")
        return json_reply([])
