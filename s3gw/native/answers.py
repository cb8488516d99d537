"""What several operations on objects answer."""

from __future__ import annotations

from s3gw.headers import quoted
from s3gw.native.call import NativeCall
from s3gw.native.checksums import checksum_of
from s3gw.reply import Reply
from storage.values import ObjectInfo, Versioning


def written_reply(call: NativeCall, info: ObjectInfo) -> Reply:
    """What was written, into the call's bucket."""
    checksum = checksum_of(info)
    headers = {"ETag": quoted(info.etag), **(checksum.headers() if checksum else {})}
    if call.bucket_facts.versioning is not Versioning.NEVER:
        headers["Ais-Version"] = info.version
    return Reply(headers=headers)
