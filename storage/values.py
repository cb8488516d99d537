"""Values of the storage interface: objects, buckets, uploads, listings, options.

Times are in nanoseconds since the epoch (`_ns`), sizes in bytes, ETags without quotes. The values
that are stored in the index are msgspec Structs written as arrays: a new field goes last and
has a default, so that old rows still read.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Protocol, Self

import msgspec
from msgspec import Struct, field

from storage.chunking import Chunking
from storage.ranges import Between, Want
from storage.secret_fields import WithSecretFields

Body = AsyncIterator[bytes]
Stream = AsyncGenerator[bytes, None]


class ChecksumType(Enum):
    """Whether a checksum is of the object's bytes or of its parts' checksums."""

    FULL_OBJECT = "FULL_OBJECT"
    COMPOSITE = "COMPOSITE"


class Checksum(Struct, frozen=True, gc=False, array_like=True):
    """An S3 checksum: algorithm as AWS spells it (`CRC32C`), value in base64."""

    algorithm: str
    value: str
    type: ChecksumType = ChecksumType.FULL_OBJECT


# The version that objects of a bucket without versioning have, and at most one of each name.
NULL_VERSION = "null"


class Versioning(Enum):
    """What a write does with the version that it replaces: NEVER and SUSPENDED replace the null
    version, ENABLED keeps every version."""

    NEVER = ""
    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


class LockMode(Enum):
    """Whether a version can be removed early: with GOVERNANCE by some, with COMPLIANCE never."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


class Retention(Struct, frozen=True, gc=False, array_like=True):
    """The version cannot be removed before `until_ns`, in nanoseconds since the epoch."""

    mode: LockMode
    until_ns: int


class ObjectLock(Struct, frozen=True, gc=False, array_like=True):
    """What keeps a version from being removed; `legal_hold` is None where it was never set."""

    retention: Retention | None = None
    legal_hold: bool | None = None

    def forbids_removal(self, now_ns: int, *, bypass_governance: bool) -> bool:
        if self.legal_hold:
            return True
        if self.retention is None or self.retention.until_ns <= now_ns:
            return False
        return not (bypass_governance and self.retention.mode is LockMode.GOVERNANCE)


class Encryption(Struct, frozen=True, gc=False, array_like=True):
    """How an object's bytes are encrypted, and the key to them, itself encrypted.

    `scheme` is `AES256`, `aws:kms` or `SSE-C`; `wrapped` the object's data key under the key
    `key_id` of the key ring, or under the customer's key. `customer_key_md5` is base64, of SSE-C
    only; `context` the KMS encryption context as canonical JSON.
    """

    scheme: str
    wrapped: bytes
    key_id: str = ""
    customer_key_md5: str = ""
    context: str = ""
    bucket_key: bool = False


class Origin(Struct, frozen=True, gc=False, array_like=True):
    """What a backend says of an object that is kept here too: its ETag and its version there, empty
    where the backend has none."""

    etag: str
    version: str = ""


class Attributes(Struct, frozen=True, gc=False, array_like=True):
    """What the writer said of an object, kept byte for byte.

    `headers` are content headers by lower-case wire name (`content-type`), `custom` is the user's
    metadata by lower-case name without prefix. `owner` is the account id of an object's owner,
    empty when it is the bucket's; `acl` an opaque document. An object of a remote bucket has its
    `origin`.
    """

    headers: dict[str, str] = {}
    custom: dict[str, str] = {}
    tags: dict[str, str] = {}
    storage_class: str = "STANDARD"
    lock: ObjectLock | None = None
    encryption: Encryption | None = None
    owner: str = ""
    acl: str = ""
    origin: Origin | None = None

    def of_origin(self, origin: Origin) -> Attributes:
        return msgspec.structs.replace(self, origin=origin)


NO_ATTRIBUTES = Attributes()


class ObjectInfo(Struct, frozen=True, gc=False):
    """The facts of one version of one object, as a HEAD returns them. `etag` has no quotes.

    `parts` counts the parts that it was completed from, 0 for an object put whole; `chunks` in
    how many pieces it is kept, 0 for one, and `largest_chunk` the bytes of the largest. A
    `delete_marker` is a version that says that the object is deleted; it has no bytes. `writes`
    counts how often the name was written since it was new, this time included.
    """

    name: str
    size: int
    etag: str
    modified_ns: int
    attributes: Attributes
    checksum: Checksum | None = None
    parts: int = 0
    version: str = NULL_VERSION
    delete_marker: bool = False
    chunks: int = 0
    largest_chunk: int = 0
    writes: int = 1


# Of one upload; the numbers of its parts are 1 to this.
MAX_PARTS = 10_000


class PartInfo(Struct, frozen=True, gc=False, array_like=True):
    """One part, of an unfinished upload or of a finished object."""

    number: int
    size: int
    etag: str
    modified_ns: int
    checksum: Checksum | None = None


class BucketInfo(Struct, frozen=True, array_like=True):
    """One bucket. `owner` is an account id; `location` the constraint it was created with;
    `settings` are documents by name that storage keeps and does not read. `label` is what stays
    when the name changes, empty where it is the name."""

    name: str
    owner: str
    created_ns: int
    location: str = ""
    tags: dict[str, str] = {}
    versioning: Versioning = Versioning.NEVER
    settings: dict[str, str] = {}
    label: str = ""

    @classmethod
    def from_options(cls, name: str, options: BucketOptions, created_ns: int) -> BucketInfo:
        return cls(
            name,
            options.owner,
            created_ns,
            options.location,
            dict(options.tags),
            options.versioning,
            dict(options.settings),
        )

    @property
    def lasting_name(self) -> str:
        return self.label or self.name


# Ids of uploads that appends make begin so; those of all others are hexadecimal.
APPEND_MARK = "~"


def is_append(upload_id: str) -> bool:
    return upload_id.startswith(APPEND_MARK)


class UploadInfo(Struct, frozen=True, array_like=True):
    """One unfinished multipart upload; `checksum_algorithm` is empty when the client named no
    algorithm, and parts then keep `kept_checksum`, or what is usual if that is empty too.
    `continues` is the ETag of the object that an append extends, empty for a new object. `over_ns`
    is the time of the object that had the name when the upload began, 0 for none, -1 if unknown.
    """

    id: str
    name: str
    initiated_ns: int
    owner: str
    attributes: Attributes
    checksum_algorithm: str = ""
    checksum_type: ChecksumType = ChecksumType.FULL_OBJECT
    kept_checksum: str = ""
    continues: str = ""
    over_ns: int = -1

    @classmethod
    def from_options(
        cls, id: str, name: str, options: UploadOptions, initiated_ns: int
    ) -> UploadInfo:
        """`id` is a new one in hexadecimal."""
        return cls(
            APPEND_MARK + id if options.append else id,
            name,
            initiated_ns,
            options.owner,
            options.attributes,
            options.checksum_algorithm,
            options.checksum_type,
            options.kept_checksum,
            options.continues,
        )

    @property
    def is_append(self) -> bool:
        return is_append(self.id)


class Sealed(Struct, frozen=True):
    """What the whole body amounted to: its ETag, and the checksum to keep with it."""

    etag: str
    checksum: Checksum | None = None


class BodyDigest(Protocol):
    """Watches a body on its way to the disk.

    `update` is called with every byte in order, possibly in another thread but never in two at
    once; `seal` once after the last byte. Whatever either raises refuses the object.
    """

    def update(self, block: bytes) -> None: ...

    def seal(self) -> Sealed: ...


class Condition(Struct, frozen=True):
    """HTTP preconditions. ETags without quotes, `*` for any; times in seconds since the epoch.

    `if_range` is the ETag or the time of the object that a wanted range is of; an empty text is
    of none."""

    if_match: tuple[str, ...] = ()
    if_none_match: tuple[str, ...] = ()
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None
    if_range: str | int | None = None


ALWAYS = Condition()


class BucketOptions(Struct, frozen=True):
    """How to make a bucket; the fields are those of `BucketInfo`."""

    owner: str
    location: str = ""
    versioning: Versioning = Versioning.NEVER
    settings: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


# Awaited when all bytes are durable and none is refused, just before the object is shown: what it
# raises refuses the object, and its ETag and origin are those of the object.
BeforeCommit = Callable[[], Awaitable[Origin]]


class PutOptions(WithSecretFields, frozen=True):
    """How to write an object. `size` is the announced length in bytes, if there was one.
    `data_key` (32 bytes) encrypts the bytes; `attributes.encryption` then says how to get it back.
    `modified_ns` is the time of what is copied from elsewhere, None for now.
    """

    secret_fields = frozenset({"data_key"})

    digest: BodyDigest
    attributes: Attributes = NO_ATTRIBUTES
    condition: Condition = ALWAYS
    size: int | None = None
    data_key: bytes | None = None
    chunks: Chunking | None = None
    modified_ns: int | None = None
    before_commit: BeforeCommit | None = None


class PartOptions(WithSecretFields, frozen=True):
    """How to write a part; `data_key` is that of the upload, when it is encrypted. `before_commit`
    is awaited when its bytes are durable, and what it raises refuses the part."""

    secret_fields = frozenset({"data_key"})

    digest: BodyDigest
    data_key: bytes | None = None
    before_commit: Callable[[], Awaitable[object]] | None = None


class Parallel(Struct, frozen=True):
    """How to fetch an object of a remote bucket in many ranges at once: of `chunk_bytes`, by so
    many `workers`, if it has at least `least_bytes`. 0 leaves it to the one who fetches."""

    chunk_bytes: int = 0
    workers: int = 0
    least_bytes: int = 0


# Gives the data key of an encrypted object; what it raises refuses the read.
Unlock = Callable[[Encryption], Awaitable[bytes]]


class ReadOptions(Struct, frozen=True):
    """What to read of an object. `version` None is the current one; `unlock` returns the data
    key of an encrypted object whose bytes are wanted. `before_stream` is awaited before a
    long body is opened, which is a stream or nearly as long as a piece of one: until then it holds
    nothing, so that many can wait for their turn. `choose` says instead of `want` what to read, by
    the facts that the read has found; what it raises refuses the read. With `latest`, an object
    of a remote bucket must be what the backend has now; unless `keeps`, that is read without
    changing what is here. `parallel` is how to fetch it, if it is not here, None for as one
    stream."""

    want: Want | None = None
    condition: Condition = ALWAYS
    version: str | None = None
    unlock: Unlock | None = None
    before_stream: Callable[[], Awaitable[None]] | None = None
    choose: Callable[[ObjectInfo], Want | None] | None = None
    latest: bool = False
    keeps: bool = True
    parallel: Parallel | None = None


READ_ALL = ReadOptions()


class ObjectRead(Struct, frozen=True):
    """One of several objects that are read at once."""

    bucket: str
    name: str
    options: ReadOptions = READ_ALL


class UpdateOptions(Struct, frozen=True):
    """How to update the attributes of an object. `version` None is the current version, and it must
    meet `condition`. With `touch`, the modification time becomes now."""

    condition: Condition = ALWAYS
    version: str | None = None
    touch: bool = False


UPDATE_CURRENT = UpdateOptions()


class RenameOptions(Struct, frozen=True):
    """Conditions on the object that is replaced, if any, and on the one that is renamed. A rename
    that is repeated with its `token` gives the answer of the first one, for a week at least."""

    condition: Condition = ALWAYS
    source_condition: Condition = ALWAYS
    token: str = ""


class UploadOptions(Struct, frozen=True):
    """How to begin a multipart upload; `owner` is the account id of who began it. The parts of an
    `append` come one after the other; it is in listings of `appends` only."""

    owner: str
    attributes: Attributes = NO_ATTRIBUTES
    checksum_algorithm: str = ""
    checksum_type: ChecksumType = ChecksumType.FULL_OBJECT
    kept_checksum: str = ""
    append: bool = False
    continues: str = ""


Assemble = Callable[[UploadInfo, Sequence[PartInfo]], Sealed]


class CompleteOptions(Struct, frozen=True):
    """How to finish an upload.

    `numbers` are the chosen parts in the object's order. `assemble` is pure: it is shown the
    upload and those parts as they are at the commit, and either seals the object or raises. It
    may be called again when a part was replaced meanwhile, and so may `before_commit`. With
    `whole`, the parts are only how the bytes came: the object is as one put whole, in chunks.
    `modified_ns` is the time of what is copied from elsewhere, None for now.
    """

    numbers: tuple[int, ...]
    assemble: Assemble
    condition: Condition = ALWAYS
    before_commit: BeforeCommit | None = None
    whole: bool = False
    modified_ns: int | None = None


class Reading(Struct, frozen=True):
    """An open object: its facts, the bytes that will come (of `info.size`), and the bytes. A small
    body is `bytes`; a stream must be closed by its holder."""

    info: ObjectInfo
    span: Between
    body: bytes | Stream


class ListQuery(Struct, frozen=True):
    """The names to list, in the order of their UTF-8 bytes.

    Names after `after` (exclusive). Names that have `delimiter` after `prefix` are rolled up
    into one common prefix; `after` may be such a prefix, and is then skipped whole.
    """

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = 1000


class Page(Struct, frozen=True):
    """One page of a listing; `next_after` is None on the last page, else the `after` to go on."""

    objects: tuple[ObjectInfo, ...]
    common_prefixes: tuple[str, ...] = ()
    next_after: str | None = None


class VersionQuery(Struct, frozen=True):
    """The versions to list: by name, then newest first.

    Names after `after`, and of `after` itself what is older than `after_version`, when that is not
    empty; all its versions, if it has no such version any more.
    """

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    after_version: str = ""
    limit: int = 1000


class ListedAttributes(Protocol):
    """Those of `Attributes` that listings show."""

    @property
    def custom(self) -> dict[str, str]: ...

    @property
    def storage_class(self) -> str: ...

    @property
    def encryption(self) -> Encryption | None: ...

    @property
    def owner(self) -> str: ...


class Listed(Protocol):
    """What listings show of one version beside its name; any `ObjectInfo` says it."""

    @property
    def size(self) -> int: ...

    @property
    def etag(self) -> str: ...

    @property
    def modified_ns(self) -> int: ...

    @property
    def attributes(self) -> ListedAttributes: ...

    @property
    def checksum(self) -> Checksum | None: ...

    @property
    def version(self) -> str: ...

    @property
    def delete_marker(self) -> bool: ...

    @property
    def chunks(self) -> int: ...

    @property
    def writes(self) -> int: ...


class ListedPage(Struct, frozen=True):
    """The same page as a `Page`, to be shown and not kept: the names, and in their order what there
    is to show of them."""

    names: Sequence[str]
    listed: Sequence[Listed]
    common_prefixes: tuple[str, ...] = ()
    next_after: str | None = None

    @classmethod
    def of(cls, page: Page) -> Self:
        names = [info.name for info in page.objects]
        return cls(names, page.objects, page.common_prefixes, page.next_after)


class VersionEntry(Struct, frozen=True, gc=False):
    """One version in a listing; `latest` is the one that a GET without version finds."""

    info: ObjectInfo
    latest: bool


class VersionPage(Struct, frozen=True):
    versions: tuple[VersionEntry, ...]
    common_prefixes: tuple[str, ...] = ()
    next_after: str | None = None
    next_version: str = ""


class ListedVersionPage(Struct, frozen=True):
    """The same page as a `VersionPage`, to be shown. `latest` says it of each version."""

    names: Sequence[str]
    listed: Sequence[Listed]
    latest: Sequence[bool]
    common_prefixes: tuple[str, ...] = ()
    next_after: str | None = None
    next_version: str = ""

    @classmethod
    def of(cls, page: VersionPage) -> Self:
        infos = [entry.info for entry in page.versions]
        return cls(
            [info.name for info in infos],
            infos,
            [entry.latest for entry in page.versions],
            page.common_prefixes,
            page.next_after,
            page.next_version,
        )


class UploadQuery(Struct, frozen=True):
    """The uploads to list: by name, then by upload id; markers are exclusive. `appends` are
    listed instead of the others."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    after_id: str = ""
    limit: int = 1000
    appends: bool = False


class UploadPage(Struct, frozen=True):
    uploads: tuple[UploadInfo, ...]
    common_prefixes: tuple[str, ...] = ()
    next_after: str | None = None
    next_id: str = ""


class PartPage(Struct, frozen=True):
    """Parts in order of number; `next_after` is None on the last page."""

    parts: tuple[PartInfo, ...]
    next_after: int | None = None


class Usage(Struct, frozen=True):
    """What a store holds and how much room it has, in objects and bytes; without `has_room` it is
    for reading and deleting."""

    buckets: int = 0
    objects: int = 0
    stored_bytes: int = 0
    capacity_bytes: int = 0
    free_bytes: int = 0
    has_room: bool = True


class Still(Enum):
    """What a version must still be when it is removed by its id."""

    NONCURRENT = "noncurrent"
    LONE_MARKER = "a delete marker, and the only version"


class DeleteRequest(Struct, frozen=True):
    """What to delete. `version` None deletes the object; in a bucket with versioning that adds a
    delete marker; a version is removed for good, but only if it is `still` that."""

    name: str
    condition: Condition = ALWAYS
    version: str | None = None
    bypass_governance: bool = False
    still: Still | None = None


class Deletion(Struct, frozen=True):
    """What a deletion did. `version` is the version that was removed, or the delete marker that was
    added; `delete_marker` says that it is one. `existed`: there was something to delete."""

    existed: bool
    version: str = NULL_VERSION
    delete_marker: bool = False
