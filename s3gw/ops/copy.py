"""CopyObject: new bytes for another name, or metadata for the same."""

from __future__ import annotations

from dataclasses import dataclass

from s3gw.access import Access, authorize_copied_tags
from s3gw.http.reply import Reply, xml_reply
from s3gw.http.request import Level
from s3gw.objects.attributes import REDIRECT_LOCATION, copied_attributes
from s3gw.objects.checksums import algorithm_named
from s3gw.objects.encryption import Sealing, has_chosen_encryption
from s3gw.objects.service import CopyOptions
from s3gw.s3.call import Call
from s3gw.s3.copy_source import CopySource, open_source, read_copy_source
from s3gw.s3.encryption_headers import read_encryption, written_encryption_headers
from s3gw.s3.expiration import expiration_headers
from s3gw.s3.headers import (
    STORAGE_CLASS,
    keeps_versions,
    quoted,
    read_attributes,
    read_version_header,
    read_write_condition,
    source_version_header,
)
from s3gw.s3.routing import header, operation, path
from s3gw.s3.shared_elements import ObjectChecksums, object_checksum
from s3gw.s3.slow_reply import SLOW_BYTES, slow_reply
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import TimeNs, document
from storage.conditions import check_write
from storage.errors import ObjectNotFound
from storage.values import (
    ALWAYS,
    NULL_VERSION,
    Attributes,
    ObjectInfo,
    Reading,
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
        sealing = await call.objects.encryption.seal(call.bucket_info, read_encryption(call))
        async with open_source(call, source) as reading:
            if self.tagging_directive == "COPY" and reading.info.attributes.tags:
                await authorize_copied_tags(call, source.bucket, source.key, source.version)
            copied_from = source_version_header(reading.info)
            if not self._is_slow(call, source, reading.info, sealing):
                made = await self._make(call, source, reading, sealing)
                headers = copied_from | _written_headers(call, made)
                return xml_reply(_result(made), headers=headers | expiration_headers(call, made))
            # Refuse now what can be refused: SDKs take an error after a 200 for a 500.
            self._attributes(call, reading.info.attributes)
            await self._check_target(call)
        headers = copied_from | written_encryption_headers(sealing.record)
        return slow_reply(call, lambda: self._make_anew(call, source, sealing), headers)

    async def _make(
        self, call: Call, source: CopySource, reading: Reading, sealing: Sealing
    ) -> ObjectInfo:
        attributes = self._attributes(call, reading.info.attributes)
        if self._is_onto_itself(source):
            await self._check_target(call)
            self._require_change(call, reading.info, sealing)
        if self._is_in_place(call, source, reading.info, sealing):
            condition = read_write_condition(call.headers)
            return await call.objects.copy_in_place(
                call.context, call.bucket_info, self.key, attributes, condition
            )
        return await self._copy(call, reading, attributes, sealing)

    async def _make_anew(
        self, call: Call, source: CopySource, sealing: Sealing
    ) -> CopyObjectResult:
        async with open_source(call, source) as reading:
            return _result(await self._make(call, source, reading, sealing))

    def _is_slow(self, call: Call, source: CopySource, info: ObjectInfo, sealing: Sealing) -> bool:
        return info.size > SLOW_BYTES and not self._is_in_place(call, source, info, sealing)

    def _is_onto_itself(self, source: CopySource) -> bool:
        """Whether source and target are the same. A named version is another source: copying it
        restores an old version."""
        return source == CopySource(self.bucket, self.key)

    def _is_in_place(
        self, call: Call, source: CopySource, info: ObjectInfo, sealing: Sealing
    ) -> bool:
        """Whether the very version that is read would be replaced, by the same bytes."""
        replaced = info.version == NULL_VERSION and not keeps_versions(call.bucket_info)
        return replaced and self._is_onto_itself(source) and self._keeps_bytes(info, sealing)

    async def _check_target(self, call: Call) -> None:
        """Check the condition early; it is checked again when the copy is committed."""
        condition = read_write_condition(call.headers)
        if condition is not ALWAYS:
            current = await _current(call)
            check_write(condition, self.key, current)

    def _attributes(self, call: Call, source: Attributes) -> Attributes:
        """Return metadata and tags, each from the source or from the request, as the directives
        say."""
        given = read_attributes(call)
        described = given if self.metadata_directive == "REPLACE" else source
        tagged = given if self.tagging_directive == "REPLACE" else source
        return copied_attributes(given, described, tagged)

    def _keeps_bytes(self, source: ObjectInfo, sealing: Sealing) -> bool:
        """Whether a copy onto itself can leave the stored bytes as they are. One made of parts
        becomes one of a single piece, with an ETag of its own."""
        return not source.parts and self._keeps_form(source, sealing)

    def _keeps_form(self, source: ObjectInfo, sealing: Sealing) -> bool:
        """Whether a copy has the checksum and the encryption of its source."""
        wanted = self.checksum_algorithm
        same_checksum = wanted is None or (
            source.checksum is not None and source.checksum.algorithm == wanted.upper()
        )
        return same_checksum and sealing.keeps(source.attributes.encryption)

    def _require_change(self, call: Call, source: ObjectInfo, sealing: Sealing) -> None:
        """Raise `InvalidRequest` for a copy onto itself that names no change. What is named need
        not differ: AWS takes the storage class that the object has, and the encryption that the
        bucket's owner chose for it."""
        named = "REPLACE" in (self.metadata_directive, self.tagging_directive)
        named = named or not call.headers.keys().isdisjoint((REDIRECT_LOCATION, STORAGE_CLASS))
        named = named or sealing.requested or has_chosen_encryption(call.bucket_info)
        if self._keeps_form(source, sealing) and not named:
            message = (
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes."
            )
            raise S3Error(Code.InvalidRequest, message)

    async def _copy(
        self, call: Call, reading: Reading, attributes: Attributes, sealing: Sealing
    ) -> ObjectInfo:
        """Copy with the requested checksum, or else of the source's type."""
        wanted = self.checksum_algorithm
        options = CopyOptions(
            attributes=attributes,
            sealing=sealing,
            condition=read_write_condition(call.headers),
            algorithm=None if wanted is None else algorithm_named(wanted),
        )
        return await call.objects.copy(call.context, call.bucket_info, self.key, reading, options)


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


def _written_headers(call: Call, info: ObjectInfo) -> dict[str, str]:
    """Return the headers of a copy; unlike other writes it names the `null` version of a bucket
    whose versioning is suspended."""
    encrypted = written_encryption_headers(info.attributes.encryption)
    return encrypted | read_version_header(call.bucket_info, info)


def _result(info: ObjectInfo) -> CopyObjectResult:
    return CopyObjectResult(
        etag=quoted(info.etag),
        last_modified=TimeNs(info.modified_ns),
        **object_checksum(info.checksum),
    )
