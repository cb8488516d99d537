"""One bucket of a backend, driven by synchronous tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from storage.backend import Backend, Change
from storage.capabilities import Capability
from storage.chunking import Chunking
from storage.errors import StorageError
from storage.ranges import Want
from storage.values import (
    ALWAYS,
    Assemble,
    Attributes,
    BodyDigest,
    BucketInfo,
    CompleteOptions,
    Condition,
    DeleteRequest,
    Deletion,
    Listed,
    ListedPage,
    ListedVersionPage,
    ListQuery,
    ObjectInfo,
    ObjectLock,
    ObjectRead,
    Page,
    PartInfo,
    PartOptions,
    PutOptions,
    Reading,
    ReadOptions,
    RenameOptions,
    Sealed,
    UpdateOptions,
    UploadInfo,
    UploadOptions,
    UploadPage,
    UploadQuery,
    Versioning,
    VersionPage,
    VersionQuery,
)
from tests.storage.bodies import body_of, content_of
from tests.storage.digests import Md5Digest, md5_of
from tests.storage.event_loop import run

OWNER = "012345678901"

Tidy = Callable[[], None]


def shown(page: ListedPage) -> object:
    """Everything that a listing may show of a page."""
    rows = [(name, *_shown(listed)) for name, listed in zip(page.names, page.listed, strict=True)]
    return rows, page.common_prefixes, page.next_after


def shown_versions(page: ListedVersionPage) -> object:
    """The same of a page of versions."""
    whole = ListedPage(page.names, page.listed, page.common_prefixes, page.next_after)
    assert len(page.latest) == len(page.names)
    return shown(whole), list(page.latest), page.next_version


def _shown(row: Listed) -> tuple[object, ...]:
    of = row.attributes
    return (
        *(row.size, row.etag, row.modified_ns, row.checksum, row.version, row.delete_marker),
        *(row.chunks, row.writes, of.custom, of.storage_class, of.encryption, of.owner),
    )


def join_etags(upload: UploadInfo, parts: Sequence[PartInfo]) -> Sealed:
    """The usual ETag of an upload: the MD5 of its parts' MD5s, and their number."""
    joined = b"".join(bytes.fromhex(part.etag) for part in parts)
    return Sealed(f"{md5_of(joined)}-{len(parts)}")


def put_options(
    digest: BodyDigest | None = None,
    attributes: Attributes = Attributes(),  # noqa: B008, a frozen value
    condition: Condition = ALWAYS,
) -> PutOptions:
    return PutOptions(digest or Md5Digest(), attributes, condition)


@dataclass(frozen=True)
class SyncBucket:
    backend: Backend
    bucket: str

    def put(
        self, name: str, content: bytes = b"", *, options: PutOptions | None = None
    ) -> ObjectInfo:
        chosen = options or put_options()
        return run(self.backend.put_object(self.bucket, name, body_of(content), chosen))

    def put_all(self, *names: str) -> None:
        for name in names:
            self.put(name)

    def reading(
        self, name: str, want: Want | None = None, condition: Condition = ALWAYS
    ) -> tuple[Reading, bytes]:
        return self._reading(name, ReadOptions(want, condition))

    def _reading(self, name: str, options: ReadOptions) -> tuple[Reading, bytes]:
        async def read() -> tuple[Reading, bytes]:
            got = await self.backend.get_object(self.bucket, name, options)
            return got, await content_of(got)

        return run(read())

    def read_many(
        self, *wanted: tuple[str, Want | None], room_bytes: int = 1 << 30
    ) -> list[bytes | StorageError]:
        """The bodies of as many as have room."""

        async def read() -> list[bytes | StorageError]:
            reads = [ObjectRead(self.bucket, name, ReadOptions(want)) for name, want in wanted]
            found = await self.backend.get_objects(reads, room_bytes)
            return [
                each if isinstance(each, StorageError) else await content_of(each) for each in found
            ]

        return run(read())

    def read_version(self, name: str, version: str, want: Want | None = None) -> bytes:
        return self._reading(name, ReadOptions(want, version=version))[1]

    def read(self, name: str, want: Want | None = None, condition: Condition = ALWAYS) -> bytes:
        return self.reading(name, want, condition)[1]

    def head(self, name: str, want: Want | None = None, condition: Condition = ALWAYS) -> Reading:
        return run(self.backend.head_object(self.bucket, name, ReadOptions(want, condition)))

    def info(self, name: str, version: str | None = None) -> ObjectInfo:
        options = ReadOptions(version=version)
        return run(self.backend.head_object(self.bucket, name, options)).info

    def set_versioning(self, versioning: Versioning) -> None:
        def change(old: BucketInfo) -> BucketInfo:
            return msgspec.structs.replace(old, versioning=versioning)

        run(self.backend.update_bucket(self.bucket, change))

    def versions(self, query: VersionQuery = VersionQuery()) -> VersionPage:  # noqa: B008, frozen
        """The page, which must be shown as it is."""
        page = run(self.backend.list_versions(self.bucket, query))
        shown = run(self.backend.show_versions(self.bucket, query, shown_versions))
        assert shown == shown_versions(ListedVersionPage.of(page))
        return page

    def history(self, name: str) -> list[str]:
        """The ids of its versions, newest first."""
        page = self.versions(VersionQuery(prefix=name, limit=100_000))
        return [entry.info.version for entry in page.versions if entry.info.name == name]

    def lock(self, name: str, lock: ObjectLock | None, version: str | None = None) -> ObjectInfo:
        def change(old: Attributes) -> Attributes:
            return msgspec.structs.replace(old, lock=lock)

        options = UpdateOptions(version=version)
        return run(self.backend.update_object(self.bucket, name, change, options))

    def rename(
        self,
        source: str,
        name: str,
        options: RenameOptions = RenameOptions(),  # noqa: B008, a frozen value
    ) -> ObjectInfo:
        return run(self.backend.rename_object(self.bucket, source, name, options))

    def remove(self, name: str, version: str | None = None, *, bypass: bool = False) -> Deletion:
        request = DeleteRequest(name, ALWAYS, version, bypass)
        return run(self.backend.delete_object(self.bucket, request))

    def update(
        self, name: str, change: Change, *, condition: Condition = ALWAYS, touch: bool = False
    ) -> ObjectInfo:
        return run(
            self.backend.update_object(
                self.bucket, name, change, UpdateOptions(condition, touch=touch)
            )
        )

    def delete(self, name: str, condition: Condition = ALWAYS) -> bool:
        """Whether there was one."""
        request = DeleteRequest(name, condition)
        return run(self.backend.delete_object(self.bucket, request)).existed

    def delete_many(self, *requests: DeleteRequest) -> list[Deletion | StorageError]:
        return run(self.backend.delete_objects(self.bucket, requests))

    def check_usage(self, **expected: int) -> None:
        """Compare what the store counts, if it does."""
        if Capability.USAGE in self.backend.capabilities:
            usage = run(self.backend.usage())
            assert {name: getattr(usage, name) for name in expected} == expected

    def page(self, query: ListQuery = ListQuery()) -> Page:  # noqa: B008, a frozen value
        """The page, which must be shown as it is."""
        page = run(self.backend.list_objects(self.bucket, query))
        assert run(self.backend.show_objects(self.bucket, query, shown)) == shown(
            ListedPage.of(page)
        )
        return page

    def names(self, query: ListQuery = ListQuery()) -> list[str]:  # noqa: B008, a frozen value
        return [info.name for info in self.page(query).objects]

    def parts_of(self, name: str, after: int = 0) -> list[PartInfo]:
        page = run(self.backend.list_object_parts(self.bucket, name, after=after))
        return list(page.parts)

    def rechunk(self, name: str, limit: int, size: int, version: str | None = None) -> bool:
        options = ReadOptions(version=version)
        chunks = Chunking(limit, size)
        return run(self.backend.rechunk_object(self.bucket, name, chunks, options))

    def begin(self, name: str, options: UploadOptions | None = None) -> UploadInfo:
        chosen = options or UploadOptions(OWNER)
        return run(self.backend.create_upload(self.bucket, name, chosen))

    def put_part(self, upload: UploadInfo, number: int, content: bytes = b"") -> PartInfo:
        return run(
            self.backend.put_part(
                self.bucket,
                upload.name,
                upload.id,
                number,
                body_of(content),
                PartOptions(Md5Digest()),
            )
        )

    def parts(self, upload: UploadInfo) -> list[PartInfo]:
        page = run(self.backend.list_parts(self.bucket, upload.name, upload.id))
        return list(page.parts)

    def complete(
        self,
        upload: UploadInfo,
        *numbers: int,
        assemble: Assemble = join_etags,
        condition: Condition = ALWAYS,
    ) -> ObjectInfo:
        options = CompleteOptions(numbers, assemble, condition)
        return run(self.backend.complete_upload(self.bucket, upload.name, upload.id, options))

    def abort(self, upload: UploadInfo) -> None:
        run(self.backend.abort_upload(self.bucket, upload.name, upload.id))

    def uploads(self, query: UploadQuery = UploadQuery()) -> UploadPage:  # noqa: B008, frozen
        return run(self.backend.list_uploads(self.bucket, query))

    def upload_of(self, name: str, *contents: bytes) -> UploadInfo:
        """An upload whose parts, from 1 on, have these contents."""
        upload = self.begin(name)
        for number, content in enumerate(contents, start=1):
            self.put_part(upload, number, content)
        return upload

    def put_in_parts(self, name: str, *contents: bytes) -> ObjectInfo:
        upload = self.upload_of(name, *contents)
        return self.complete(upload, *range(1, len(contents) + 1))
