"""Lifecycle headers of answers, for an object or an upload.

Days are real ones, also where the worker has shorter days for a test: the reader of a date compares
it with a calendar.
"""

from __future__ import annotations

from urllib.parse import quote

from cluster.lifecycle.rules import LifecycleConfiguration, abortion, expiry
from s3gw.s3.call import Call
from s3gw.s3.headers import http_date
from storage.settings import setting
from storage.values import ObjectInfo, UploadInfo

_NS = 1_000_000_000
_YEAR_10000_S = 253_402_300_800
# AWS calls the id URL-encoded, but sends characters that a quoted string can hold as they are.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != '"')


def expiration_headers(call: Call, info: ObjectInfo) -> dict[str, str]:
    """Return `x-amz-expiration` of the current version, if a rule will remove it."""
    config = _configuration(call)
    if config is None or "versionId" in call.query:
        return {}
    event = expiry(config, info)
    if event is None or not _has_date(event.at_ns):
        return {}
    date, rule = http_date(event.at_ns // _NS), quote(event.rule_id, safe=_PLAIN)
    return {"x-amz-expiration": f'expiry-date="{date}", rule-id="{rule}"'}


def abort_headers(call: Call, upload: UploadInfo) -> dict[str, str]:
    """Return `x-amz-abort-date` and `x-amz-abort-rule-id`, if a rule will abort the upload."""
    config = _configuration(call)
    event = config and abortion(config, upload.name, upload.initiated_ns)
    if not event or not _has_date(event.at_ns):
        return {}
    rule = quote(event.rule_id, safe=_PLAIN)
    return {"x-amz-abort-date": http_date(event.at_ns // _NS), "x-amz-abort-rule-id": rule}


def _configuration(call: Call) -> LifecycleConfiguration | None:
    return setting(call.bucket_info, LifecycleConfiguration)


def _has_date(at_ns: int) -> bool:
    return 0 <= at_ns // _NS < _YEAR_10000_S
