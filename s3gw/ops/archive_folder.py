"""Members of archives in GetObject and HeadObject, under their own keys.

Conditions are of the member, and it has an ETag here: a client that reads keys expects one. Its
metadata is empty, and its time is the archive's.
"""

from __future__ import annotations

from s3gw.http.reply import Reply
from s3gw.objects.attributes import DEFAULT_TYPE
from s3gw.s3.archives.folders import open_in_folder
from s3gw.s3.call import ArchiveMember, Call
from s3gw.s3.encryption_headers import encryption_headers, refuse_on_reads
from s3gw.s3.headers import object_headers, override_headers, read_condition
from s3gw.s3.range_headers import span_headers
from storage.errors import PartNotFound
from storage.ranges import Between, From, Last, PartNumber, Want


async def folder_reply(
    call: Call, folder: ArchiveMember, want: Want | None, *, head: bool
) -> Reply:
    """Return the whole member with 200, or the requested part with 206."""
    refuse_on_reads(call)
    overrides = override_headers(call)
    condition, part = read_condition(call.headers), _only_part(want)
    opened = await open_in_folder(call, folder, condition, part, head=head)
    span = opened.reading.span
    partial = opened.is_partial and len(span) > 0
    headers = object_headers(opened.info) | {"Content-Type": DEFAULT_TYPE}
    headers |= span_headers(opened.info, span, partial=partial)
    if opened.archive.attributes.encryption:
        headers |= encryption_headers(opened.archive.attributes.encryption)
    return Reply(206 if partial else 200, headers | overrides, opened.reading.body)


def _only_part(want: Want | None) -> Between | From | Last | None:
    """Return the range. A member has one part, like an object that was written whole."""
    if not isinstance(want, PartNumber):
        return want
    if want.number != 1:
        raise PartNotFound(want.number)
    return From(0)
