"""Archive parameters of a request, under AIStore's names."""

from __future__ import annotations

from msgspec import Struct

from s3gw.wire.errors import Code, S3Error
from storage.archives import ArchiveFormat, BadSelection, Mode, Selection, format_named, mode_named


class MemberQuery(Struct, frozen=True):
    """A request for members of an archive: the member `path`, or those of the `selection`."""

    path: str
    selection: Selection | None
    kind: ArchiveFormat | None


def read_member_query(*, path: str, mime: str, mode: str, wanted: str) -> MemberQuery | None:
    """Return the query for members; None for a request for the object itself. Parameters without a
    value are ignored: AIStore's clients send them so. Raise `InvalidArgument`."""
    if not (path or mime or mode or wanted):
        return None
    kind = read_format(mime)
    if bool(path) == bool(wanted):
        raise invalid("archpath", path, "Name a member with archpath, or some with archregx.")
    if path:
        if mode:
            raise invalid("archmode", mode, "It goes with archregx, not with archpath.")
        return MemberQuery(path, None, kind)
    try:
        return MemberQuery("", Selection(mode_named(mode or Mode.REGEXP.value), wanted), kind)
    except BadSelection as error:
        raise invalid("archregx", wanted, f"{error}.") from None


def read_format(mime: str) -> ArchiveFormat | None:
    """Return the format; None if the text is empty. Raise `InvalidArgument`."""
    kind = format_named(mime) if mime else None
    if mime and kind is None:
        raise invalid("archmime", mime, "It is none of .tar, .tgz, .tar.gz, .tar.lz4 and .zip.")
    return kind


def invalid(name: str, value: str, why: str) -> S3Error:
    return S3Error(Code.InvalidArgument, why, ArgumentName=name, ArgumentValue=value)
