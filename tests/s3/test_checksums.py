"""Checksums of wholes from those of parts, against computing them again."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3gw.objects.checksums import (
    ALGORITHMS,
    Algorithm,
    Payload,
    PayloadDigest,
    algorithm_named,
    composite,
    full_object,
)
from s3gw.wire.errors import Code, S3Error
from storage.values import BucketInfo, ChecksumType

BODIES = st.lists(st.binary(max_size=50), min_size=1, max_size=6)
BUCKET = BucketInfo("b", "me", 0)
COMBINABLE = [a for a in ALGORITHMS.values() if a.combine is not None]


def value_of(algorithm: Algorithm, *blocks: bytes) -> str:
    hasher = algorithm.new()
    for block in blocks:
        hasher.update(block)
    return base64.b64encode(hasher.digest()).decode()


@pytest.mark.parametrize("algorithm", COMBINABLE, ids=lambda a: a.name)
@given(bodies=BODIES)
@settings(max_examples=50)
def test_a_full_object_checksum_is_that_of_all_bytes(
    algorithm: Algorithm, bodies: list[bytes]
) -> None:
    parts = [(value_of(algorithm, body), len(body)) for body in bodies]
    made = full_object(algorithm, parts)
    assert made.value == value_of(algorithm, b"".join(bodies))
    assert made.type is ChecksumType.FULL_OBJECT


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda a: a.name)
@given(bodies=BODIES)
@settings(max_examples=50)
def test_a_composite_checksum_is_that_of_the_parts_checksums(
    algorithm: Algorithm, bodies: list[bytes]
) -> None:
    values = [value_of(algorithm, body) for body in bodies]
    raw = b"".join(base64.b64decode(value) for value in values)
    made = composite(algorithm, values)
    assert made.value == f"{value_of(algorithm, raw)}-{len(bodies)}"
    assert made.type is ChecksumType.COMPOSITE


@pytest.mark.parametrize("algorithm", ALGORITHMS.values(), ids=lambda a: a.name)
@given(bodies=BODIES)
@settings(max_examples=50)
def test_a_digest_does_not_care_how_the_body_is_cut(
    algorithm: Algorithm, bodies: list[bytes]
) -> None:
    whole = b"".join(bodies)
    digest = PayloadDigest(Payload(keep=algorithm), BUCKET)
    for body in bodies:
        digest.update(body)
    sealed = digest.seal()
    assert sealed.checksum is not None
    assert sealed.checksum.value == value_of(algorithm, whole)
    assert len(base64.b64decode(sealed.checksum.value)) == algorithm.size_bytes


@pytest.mark.parametrize(("size", "fits"), [(9, True), (10, True), (11, False)])
def test_a_body_without_a_length_ends_at_the_limit(size: int, fits: bool) -> None:
    digest = PayloadDigest(Payload(limit=10), BUCKET)
    if fits:
        digest.update(bytes(size))
        assert digest.seal().etag
        return
    with pytest.raises(S3Error) as error:
        digest.update(bytes(size))
    assert error.value.code is Code.EntityTooLarge


def test_algorithms_are_found_in_any_case() -> None:
    assert algorithm_named("crc32c").name == "CRC32C"
    with pytest.raises(S3Error):
        algorithm_named("MD6")
