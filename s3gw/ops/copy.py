"""CopyObject: new bytes for another name, or new metadata for the same one."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access, authorize_copied_tags
from s3gw.checksums import ALGORITHMS, Algorithm, PayloadDigest, Promises, algorithm_named
from s3gw.copy_source import CopySource, open_source, read_copy_source
from s3gw.documents import ObjectChecksums, object_checksum
from s3gw.errors import Code, S3Error
from s3gw.headers import quoted, read_attributes, read_write_condition
from s3gw.message import Call, Level
from s3gw.operation import header, operation, path
from s3gw.payload import body_of
from s3gw.reply import Reply, xml_reply
from s3gw.slow_reply import SLOW_BYTES, slow_reply
from s3gw.xmldoc import TimeNs, document
from storage.conditions import check_write
from storage.errors import ObjectNotFound
from storage.values import (
    ALWAYS,
    Attributes,
    Checksum,
    ObjectInfo,
    PutOptions,
    Reading,
    UpdateOptions,
)

_DIRECTIVES = ("COPY", "REPLACE")


@document("CopyObjectResult")
@dataclass(frozen=True, slots=True, kw_only=True)
class CopyObjectResult(ObjectChecksums):
    etag: str
    last_modified: TimeNs


@operation("PUT", Level.OBJECT, source="x-amz-copy-source", access=Access.PUT)
class CopyObject:
    bucket: str = path("Bucket")
    key: str = path("Key")
    copy_source: str = header("x-amz-copy-source")
    metadata_directive: str = header("x-amz-metadata-directive", default="COPY")
    tagging_directive: str = header("x-amz-tagging-directive", default="COPY")
    checksum_algorithm: str | None = header("x-amz-checksum-algorithm", default=None)

    async def run(self, call: Call) -> Reply:
        _check_directive("x-amz-metadata-directive", self.metadata_directive)
        _check_directive("x-amz-tagging-directive", self.tagging_directive)
        source = read_copy_source(self.copy_source)
        async with open_source(call, source) as reading:
            if self.tagging_directive == "COPY" and reading.info.attributes.tags:
                await authorize_copied_tags(call, source.bucket, source.key)
            if not self._is_slow(source, reading.info):
                return xml_reply(await self._make(call, source, reading))
            # What can be refused is refused now: SDKs take an error behind a 200 for a 500.
            self._attributes(call, reading.info.attributes)
            await self._check_target(call)
        return slow_reply(call, lambda: self._make_anew(call, source))

    async def _make(self, call: Call, source: CopySource, reading: Reading) -> CopyObjectResult:
        attributes = self._attributes(call, reading.info.attributes)
        if self._is_in_place(source, reading.info):
            return _result(await self._replace_attributes(call, reading.info, attributes))
        return _result(await self._copy(call, reading, attributes))

    async def _make_anew(self, call: Call, source: CopySource) -> CopyObjectResult:
        async with open_source(call, source) as reading:
            return await self._make(call, source, reading)

    def _is_slow(self, source: CopySource, info: ObjectInfo) -> bool:
        return info.size > SLOW_BYTES and not self._is_in_place(source, info)

    def _is_in_place(self, source: CopySource, info: ObjectInfo) -> bool:
        return source == CopySource(self.bucket, self.key) and self._keeps_bytes(info)

    async def _check_target(self, call: Call) -> None:
        """The same condition is checked again when the copy is committed."""
        condition = read_write_condition(call.headers)
        if condition is not ALWAYS:
            current = await _current(call)
            check_write(condition, self.key, current)

    def _attributes(self, call: Call, source: Attributes) -> Attributes:
        """Metadata and tags, each from the source or from the request, as the directives say."""
        given = read_attributes(call)
        described = given if self.metadata_directive == "REPLACE" else source
        tagged = given if self.tagging_directive == "REPLACE" else source
        return Attributes(
            headers=described.headers,
            custom=described.custom,
            tags=tagged.tags,
            storage_class=given.storage_class,
            owner=given.owner,
            acl=given.acl,
        )

    def _keeps_bytes(self, source: ObjectInfo) -> bool:
        """Whether a copy onto itself can leave the stored bytes and checksum as they are."""
        wanted = self.checksum_algorithm
        return wanted is None or (
            source.checksum is not None and source.checksum.algorithm == wanted.upper()
        )

    async def _replace_attributes(
        self, call: Call, source: ObjectInfo, attributes: Attributes
    ) -> ObjectInfo:
        replaces = "REPLACE" in (self.metadata_directive, self.tagging_directive)
        if not replaces and attributes.storage_class == source.attributes.storage_class:
            message = (
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes."
            )
            raise S3Error(Code.InvalidRequest, message)
        return await call.store.update_object(
            self.bucket,
            self.key,
            lambda _: attributes,
            UpdateOptions(read_write_condition(call.headers), touch=True),
        )

    async def _copy(self, call: Call, reading: Reading, attributes: Attributes) -> ObjectInfo:
        options = PutOptions(
            digest=PayloadDigest(Promises(), {}, self._algorithm(reading.info.checksum)),
            attributes=attributes,
            condition=read_write_condition(call.headers),
            size=reading.info.size,
        )
        return await call.store.put_object(self.bucket, self.key, body_of(reading), options)

    def _algorithm(self, source: Checksum | None) -> Algorithm | None:
        """The checksum asked for, else the source's."""
        if self.checksum_algorithm is not None:
            return algorithm_named(self.checksum_algorithm)
        return ALGORITHMS[source.algorithm] if source else None


async def _current(call: Call) -> ObjectInfo | None:
    try:
        return (await call.store.head_object(call.bucket, call.key)).info
    except ObjectNotFound:
        return None


def _check_directive(name: str, value: str) -> None:
    if value not in _DIRECTIVES:
        raise S3Error(
            Code.InvalidArgument,
            f"Unknown {name.removeprefix('x-amz-')}.",
            ArgumentName=name,
            ArgumentValue=value,
        )


def _result(info: ObjectInfo) -> CopyObjectResult:
    return CopyObjectResult(
        etag=quoted(info.etag),
        last_modified=TimeNs(info.modified_ns),
        **object_checksum(info.checksum),
    )
