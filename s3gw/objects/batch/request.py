"""Request of GetBatch: AIStore's JSON, the same in both front ends.

    {"in": [{"objname": "a", "bucket": "b", "archpath": "in/shard", "start": 0, "length": 10,
             "opaque": "QQ=="}, ...],
     "mime": ".tar", "coer": true, "onob": false, "strm": true}

Unknown fields are ignored, as in AIStore's own server.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from s3gw.identity.namespaces import parted
from s3gw.objects.batch.errors import InvalidBatch
from storage.archives import ArchiveFormat, format_named
from storage.ranges import Between, From
from storage.tier.remote import provider_of

MAX_ITEMS = 100_000
MAX_NAME_BYTES = 1024
MAX_ARCHPATH_BYTES = 4096
_LARGEST = 1 << 62
AIS = "ais"
_LOCAL = ("", AIS)
_GLOBAL = ("", "#", "@", "@#")
_TO_THE_END = -1
_TEXTS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_PLAIN_BASE64 = str.maketrans("-_", "+/")


class _Namespace(msgspec.Struct, frozen=True):
    uuid: str = ""
    name: str = ""


class _Entry(msgspec.Struct, frozen=True):
    objname: str = ""
    bucket: str = ""
    provider: str = ""
    namespace: str | _Namespace | None = None
    uname: str = ""
    archpath: str = ""
    opaque: str | None = None
    start: int = 0
    length: int = 0


class _Document(msgspec.Struct, frozen=True):
    entries: list[_Entry] = msgspec.field(name="in", default_factory=list)
    mime: str = ""
    coer: bool = False
    onob: bool = False
    strm: bool = False
    coloc: int = 0


_decode = msgspec.json.Decoder(_Document).decode


# Returns the store's name of a bucket, by its provider (maybe empty), its namespace (`@uuid#name`)
# and its name. Raises `ValueError` for a provider or a namespace that does not exist.
Spaces = Callable[[str, str, str], str]


def no_spaces(provider: str, namespace: str, bucket: str) -> str:
    """Return the bucket where only its name is known. Raise `ValueError` for one of a provider, or
    in a namespace."""
    if provider not in _LOCAL:
        raise ValueError(f"the provider {provider!r} is not one of this server's")
    if namespace not in _GLOBAL or "/" in bucket:
        raise ValueError(f"{namespace!r} is not a namespace of this cluster")
    return bucket


class Item(msgspec.Struct, frozen=True):
    """One entry: an object, or its member `archpath`; the whole, or `part`. `bucket` is its name in
    the store."""

    bucket: str
    name: str
    archpath: str = ""
    part: Between | From | None = None
    opaque: bytes = b""

    def path(self, *, only_names: bool) -> str:
        """Return its name in the archive of the answer."""
        named = self.name if only_names else f"{self.bucket_name}/{self.name}"
        return f"{named}/{self.archpath}" if self.archpath else named

    @property
    def provider(self) -> str:
        return provider_of(self.bucket) or AIS

    @property
    def bucket_name(self) -> str:
        """Return the bucket's name without its namespace."""
        return parted(self.bucket)[0]


class Batch(Struct, frozen=True):
    """The requested entries, and the form of the answer: `format` is the archive's; an entry that
    cannot be read fails the batch, unless `continue_on_error`; `only_names` leaves the bucket out
    of the names; `streaming` is the bare archive, without metadata before it."""

    items: tuple[Item, ...]
    format: ArchiveFormat = ArchiveFormat.TAR
    continue_on_error: bool = False
    only_names: bool = False
    streaming: bool = True


def decode_batch(document: bytes, bucket: str, spaces: Spaces = no_spaces) -> Batch:
    """Decode a batch; `bucket` is the default of entries without one. Raise `InvalidBatch`, and
    what `spaces` does except `ValueError`."""
    _check_count(document)
    try:
        read = _decode(document)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidBatch(f"The request is not a batch in JSON: {error}.") from None
    if not 0 < len(read.entries) <= MAX_ITEMS:
        raise InvalidBatch(f"A batch has 1 to {MAX_ITEMS:,} entries, not {len(read.entries):,}.")
    kind = format_named(read.mime) if read.mime else ArchiveFormat.TAR
    if kind is None:
        raise InvalidBatch(f"{read.mime!r} is none of .tar, .tgz, .tar.gz, .tar.lz4 and .zip.")
    if read.coloc not in (0, 1, 2):
        raise InvalidBatch("`coloc` is 0, 1 or 2.")
    items = tuple(_item(number, each, bucket, spaces) for number, each in enumerate(read.entries))
    return Batch(items, kind, read.coer, read.onob, read.strm)


def _check_count(document: bytes) -> None:
    """Raise `InvalidBatch` for far too many entries, before they are built. An entry is an object
    in braces, and may have another one in it; names may have braces too."""
    most = 2 * MAX_ITEMS + 1
    count = document.count(b"{")
    if count > most and _TEXTS.sub(b"", document).count(b"{") > most:
        raise InvalidBatch(f"A batch has 1 to {MAX_ITEMS:,} entries, not {count // 2:,} or more.")


def _item(number: int, entry: _Entry, bucket: str, spaces: Spaces) -> Item:
    provider, space, home, name = entry.provider, _space(entry), entry.bucket, entry.objname
    if entry.uname:
        provider, space, home, name = _from_uname(number, entry.uname)
    if home or provider not in _LOCAL:
        try:
            home = spaces(provider, space, home)
        except ValueError as error:
            raise _invalid(number, str(error)) from None
    home = home or bucket
    if not home or not name:
        raise _invalid(number, "it names no bucket and object")
    if _is_too_long(name, MAX_NAME_BYTES) or _is_too_long(entry.archpath, MAX_ARCHPATH_BYTES):
        raise _invalid(number, "its name is too long, or no text")
    return Item(home, name, entry.archpath, _part(number, entry), _opaque(number, entry))


def _opaque(number: int, entry: _Entry) -> bytes:
    """Decode either of base64's two alphabets: AIStore's client 1.26 writes the one for URLs."""
    if not entry.opaque:
        return b""
    try:
        return base64.b64decode(entry.opaque.translate(_PLAIN_BASE64), validate=True)
    except ValueError:
        raise _invalid(number, "its opaque data is not base64") from None


def _space(entry: _Entry) -> str:
    space = entry.namespace or ""
    return f"@{space.uuid}#{space.name}" if isinstance(space, _Namespace) else space


def _from_uname(number: int, uname: str) -> tuple[str, str, str, str]:
    """Parse `provider/@uuid#namespace/bucket/object`."""
    parts = uname.split("/", 3)
    if len(parts) < 4 or not parts[1].startswith("@"):
        raise _invalid(number, f"{uname!r} does not name an object of this cluster")
    return parts[0], parts[1], parts[2], parts[3]


def _part(number: int, entry: _Entry) -> Between | From | None:
    start, length = entry.start, entry.length
    if start == length == 0:
        return None
    if length == _TO_THE_END and 0 <= start < _LARGEST:
        return From(start)
    if length <= 0 or not 0 <= start < _LARGEST or length > _LARGEST:
        raise _invalid(number, f"start {start} and length {length} are not a range")
    return Between(start, start + length)


def _is_too_long(text: str, limit: int) -> bool:
    """Whether it is too long in UTF-8. JSON can escape half of a letter, but object names cannot
    have one."""
    if text.isascii():
        return len(text) > limit
    try:
        return len(text.encode()) > limit
    except UnicodeEncodeError:
        return True


def _invalid(number: int, why: str) -> InvalidBatch:
    return InvalidBatch(f"Entry {number}: {why}.")
