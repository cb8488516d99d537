"""HTTP preconditions as two pure functions (RFC 9110, section 13.2.2).

Their precedence is that of AWS.

Reading: If-Match decides over If-Unmodified-Since, If-None-Match over If-Modified-Since. Writing:
`If-None-Match: *` requires that there is no object, `If-Match` that there is that very one; the
times are of the object that is replaced, and are met where there is none.

If-Range decides about the range alone: `wanted_part`.
"""

from __future__ import annotations

from typing import TypeVar

from storage.clock import NS_PER_S
from storage.errors import NotModified, ObjectNotFound, PreconditionFailed, WriteConflict
from storage.ranges import PartNumber, Want
from storage.values import ALWAYS, Condition, ObjectInfo, ReadOptions, UploadInfo

W = TypeVar("W", bound=Want | None)


def check_read(condition: Condition, info: ObjectInfo) -> None:
    """Raises `PreconditionFailed` or `NotModified` when the reader does not want this object."""
    if condition is ALWAYS:
        return
    modified_s = info.modified_ns // NS_PER_S
    if condition.if_match:
        if not _matches(condition.if_match, info.etag):
            raise PreconditionFailed("If-Match")
    elif condition.if_unmodified_since is not None and modified_s > condition.if_unmodified_since:
        raise PreconditionFailed("If-Unmodified-Since")
    if condition.if_none_match:
        if _matches(condition.if_none_match, info.etag):
            raise NotModified(info.etag, info.modified_ns, "If-None-Match")
    elif condition.if_modified_since is not None and modified_s <= condition.if_modified_since:
        raise NotModified(info.etag, info.modified_ns, "If-Modified-Since")


def wanted_part(want: W, condition: Condition, info: ObjectInfo) -> W | None:
    """Return the range; None when If-Range is about another object, which is then wanted whole.

    A time must be the very one (RFC 9110, 13.1.5). What Range did not ask for stays.
    """
    asked = condition.if_range
    if asked is None or isinstance(want, PartNumber):
        return want
    is_same = asked == (info.modified_ns // NS_PER_S if isinstance(asked, int) else info.etag)
    return want if is_same else None


def wanted_of(options: ReadOptions, info: ObjectInfo) -> Want | None:
    """Return what a read wants of the object that it has found."""
    if options.choose is not None:
        return options.choose(info)
    return wanted_part(options.want, options.condition, info)


def check_write(condition: Condition, name: str, current: ObjectInfo | None) -> None:
    """Raises `PreconditionFailed`, or `ObjectNotFound` for If-Match on nothing."""
    if condition is ALWAYS:
        return
    if condition.if_match:
        if current is None:
            raise ObjectNotFound(name)
        if not _matches(condition.if_match, current.etag):
            raise PreconditionFailed("If-Match")
    if current is None:
        return
    if _matches(condition.if_none_match, current.etag):
        raise PreconditionFailed("If-None-Match")
    modified_s, latest = current.modified_ns // NS_PER_S, condition.if_unmodified_since
    if latest is not None and modified_s > latest:
        raise PreconditionFailed("If-Unmodified-Since")
    if condition.if_modified_since is not None and modified_s <= condition.if_modified_since:
        raise PreconditionFailed("If-Modified-Since")


def time_of(current: ObjectInfo | None) -> int:
    """Return what an upload remembers of the object whose name it takes."""
    return current.modified_ns if current is not None else 0


def check_completion(
    condition: Condition, upload: UploadInfo, name: str, current: ObjectInfo | None
) -> None:
    """Check the condition of who completes an upload. Unless that appends, it is about the object
    that was there when the upload began too: raise `WriteConflict` if that is another one, as AWS
    does."""
    check_write(condition, name, current)
    unknown = condition == ALWAYS or upload.is_append or upload.over_ns == -1
    if unknown or upload.over_ns == time_of(current):
        return
    raise WriteConflict(name, "If-Match" if condition.if_match else "If-None-Match")


def _matches(etags: tuple[str, ...], etag: str) -> bool:
    return "*" in etags or etag in etags
