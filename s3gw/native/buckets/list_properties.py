"""List message: AIStore's flags and properties."""

from __future__ import annotations

from enum import IntFlag

from msgspec import Struct, field

from s3gw.native.errors import NativeError, unsupported
from s3gw.native.remote_buckets import Reference
from storage.digits import read_digits

MAX_PAGE = 10_000


class ListFlag(IntFlag):
    """AIStore's flags of a listing."""

    CACHED = 1
    MISSING = 1 << 1
    DELETED = 1 << 2
    ARCH_DIR = 1 << 3
    NAME_ONLY = 1 << 4
    NAME_SIZE = 1 << 5
    BCK_PRESENT = 1 << 6
    DONT_HEAD_REMOTE = 1 << 7
    DONT_ADD_REMOTE = 1 << 8
    NOT_CACHED = 1 << 9
    ONLY_REMOTE_PROPS = 1 << 10
    NO_RECURSION = 1 << 11
    DIFF = 1 << 12
    NO_DIRS = 1 << 13
    IS_S3 = 1 << 14
    NBI = 1 << 15


# All objects of this server are present, whole and in one place: some flags change nothing.
_UNSUPPORTED = (
    ListFlag.NOT_CACHED,
    ListFlag.ONLY_REMOTE_PROPS,
    ListFlag.DIFF,
)
_NAMES = {
    ListFlag.CACHED: "cached",
    ListFlag.MISSING: "missing",
    ListFlag.DELETED: "deleted",
    ListFlag.ARCH_DIR: "arch-dir",
    ListFlag.NAME_ONLY: "name-only",
    ListFlag.NAME_SIZE: "name-size",
    ListFlag.BCK_PRESENT: "bck-present",
    ListFlag.DONT_HEAD_REMOTE: "no-head-remote",
    ListFlag.DONT_ADD_REMOTE: "no-add-remote",
    ListFlag.NOT_CACHED: "not-cached",
    ListFlag.ONLY_REMOTE_PROPS: "only-remote-props",
    ListFlag.NO_RECURSION: "no-recursion",
    ListFlag.DIFF: "diff",
    ListFlag.NO_DIRS: "no-dirs",
    ListFlag.IS_S3: "s3",
}
# What a listing of an inventory cannot do, in AIStore too.
_NOT_OF_INVENTORIES = (
    ListFlag.NOT_CACHED
    | ListFlag.MISSING
    | ListFlag.DELETED
    | ListFlag.ARCH_DIR
    | ListFlag.ONLY_REMOTE_PROPS
    | ListFlag.DIFF
)
_EVERY = sum(ListFlag)
_PROPS = "name size version checksum atime cached status copies ec custom location chunked"
PROPS = frozenset(_PROPS.split())
# What a backend says of its objects.
PROPS_THERE = frozenset({"name", "size", "version", "checksum", "custom"})
# Spellings of older clients.
_ALIASES = {"target_url": "location", "node": "location"}


class ListMessage(Struct, frozen=True):
    """The message's value; `flags` is a decimal text, or a number from older clients."""

    prefix: str = ""
    pagesize: int | str = 0
    uuid: str = ""
    props: str = ""
    continuation_token: str = ""
    flags: int | str = 0
    target: str = ""
    start_after: str = ""
    time_format: str = ""
    header: object = field(default=None, name="hdr")

    @property
    def limit(self) -> int:
        """Return the most entries that a page may have, at most AIStore's own limit."""
        size = _whole("pagesize", self.pagesize)
        return min(size, MAX_PAGE) or MAX_PAGE

    def wants(self) -> ListFlag:
        """Parse the flags. Raise 400 for unknown ones, and 501 for those that this server does not
        support."""
        flags = self.read_flags()
        if ListFlag.NBI in flags:
            self._check_inventory(flags)
        for flag in _UNSUPPORTED:
            if flag in flags:
                raise unsupported(f'list flag "{flag.name}"')
        if self.target:
            raise unsupported('listing one "target"')
        return flags | ListFlag.CACHED if ListFlag.ARCH_DIR in flags else flags

    def read_flags(self) -> ListFlag:
        """Parse the flags. Raise 400 for unknown ones."""
        number = _whole("flags", self.flags)
        if number & ~_EVERY:
            raise NativeError(400, f"invalid list flags {number}")
        return ListFlag(number)

    def _check_inventory(self, flags: ListFlag) -> None:
        """Raise 400 for what a listing of an inventory cannot do."""
        what = "invalid list via native bucket inventory"
        if self.start_after:
            raise NativeError(400, f"{what}: start_after is not supported")
        if flags & _NOT_OF_INVENTORIES:
            raise NativeError(400, f"{what}: flags:{flags_text(flags)}")

    @property
    def reference(self) -> Reference:
        """Return how the listing refers to a bucket that is not known. Raises as `wants`."""
        flags = self.wants()
        return Reference(
            adds=ListFlag.DONT_ADD_REMOTE not in flags,
            looks=ListFlag.BCK_PRESENT not in flags,
            trusts=ListFlag.DONT_HEAD_REMOTE in flags,
        )

    def chosen(self, flags: ListFlag) -> frozenset[str]:
        """Return the properties that each entry shows. Raise 400 for an unknown property."""
        names = frozenset(_ALIASES.get(n, n) for n in self.props.replace(" ", "").split(",") if n)
        if unknown := names - PROPS:
            raise NativeError(400, f'invalid property "{min(unknown)[:64]}"')
        if ListFlag.NAME_ONLY in flags or names == {"name"}:
            return frozenset()
        if ListFlag.NAME_SIZE in flags:
            return frozenset({"size"})
        if names:
            return names
        if ListFlag.CACHED in flags:
            return frozenset({"size", "checksum", "atime"})
        return frozenset({"size"})


def flags_text(flags: ListFlag) -> str:
    """Return the names of the flags, as in AIStore's messages."""
    return ",".join(name for flag, name in _NAMES.items() if flag in flags)


def _whole(name: str, number: int | str) -> int:
    if isinstance(number, str):
        digits = read_digits(number or "0")
        if digits is None:
            raise NativeError(400, f"invalid {name} {number[:64]!r}")
        number = digits
    if number < 0:
        raise NativeError(400, f"invalid {name} {number}")
    return number
