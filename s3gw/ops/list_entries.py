"""Entries of listings as XML.

A page has up to a thousand entries, and they are nearly all that it costs. So an entry does not
become an object: each is one f-string of its row. What clients named is escaped before, all of a
page at once, and what many rows have alike is converted once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from s3gw.s3.key_encoding import Encode, encoded_all
from s3gw.s3.shared_elements import Owner
from s3gw.wire.xmldoc import Texts, Written, element, escaped, iso_time
from storage.values import ChecksumType, Listed, ListedPage, ListedVersionPage

# Takes the account that an object's attributes name.
Owners = Callable[[str], Owner]
_NS = 1_000_000_000
_WHOLE = ChecksumType.FULL_OBJECT


def contents(page: ListedPage, encode: Encode, owners: Owners | None) -> Written:
    """Write a page's objects, with their owners if there are `owners`."""
    rows, times = page.listed, Texts(iso_time)
    columns = zip(
        rows,
        _keys(page.names, encode),
        _etags(rows),
        _checksums(rows),
        _owners(rows, owners) if owners else repeat("", len(rows)),
        _storage_classes(rows),
        strict=True,
    )
    entries = [
        f"<Contents><Key>{key}</Key>"
        f"<LastModified>{times[row.modified_ns // _NS]}</LastModified>"
        f"<ETag>&quot;{etag}&quot;</ETag>{checksum}<Size>{row.size}</Size>{owner}"
        f"<StorageClass>{storage_class}</StorageClass></Contents>"
        for row, key, etag, checksum, owner, storage_class in columns
    ]
    return Written("".join(entries))


def versions(page: ListedVersionPage, encode: Encode, owners: Owners) -> Written:
    """Write a page's versions and delete markers, in their order."""
    rows = page.listed
    columns = zip(
        rows,
        _beginnings(page, encode),
        _etags(rows),
        _checksums(rows),
        _owners(rows, owners),
        _storage_classes(rows),
        strict=True,
    )
    entries = [
        f"<DeleteMarker>{beginning}{owner}</DeleteMarker>"
        if row.delete_marker
        else f"<Version>{beginning}"
        f"<ETag>&quot;{etag}&quot;</ETag>{checksum}<Size>{row.size}</Size>{owner}"
        f"<StorageClass>{storage_class}</StorageClass></Version>"
        for row, beginning, etag, checksum, owner, storage_class in columns
    ]
    return Written("".join(entries))


def common_prefixes(prefixes: Sequence[str], encode: Encode) -> Written:
    entries = [
        f"<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>"
        for prefix in _keys(prefixes, encode)
    ]
    return Written("".join(entries))


def _beginnings(page: ListedVersionPage, encode: Encode) -> list[str]:
    """Return what versions and delete markers have alike."""
    rows, times = page.listed, Texts(iso_time)
    columns = zip(
        rows,
        _keys(page.names, encode),
        escaped([row.version for row in rows]),
        page.latest,
        strict=True,
    )
    return [
        f"<Key>{key}</Key><VersionId>{version}</VersionId>"
        f"<IsLatest>{'true' if latest else 'false'}</IsLatest>"
        f"<LastModified>{times[row.modified_ns // _NS]}</LastModified>"
        for row, key, version, latest in columns
    ]


def _keys(names: Sequence[str], encode: Encode) -> Iterable[str]:
    return escaped(encoded_all(names, encode))


def _etags(rows: Sequence[Listed]) -> Iterable[str]:
    return escaped([row.etag for row in rows])


def _storage_classes(rows: Sequence[Listed]) -> Iterable[str]:
    return escaped([row.attributes.storage_class for row in rows])


def _owners(rows: Sequence[Listed], owners: Owners) -> list[str]:
    texts = Texts[str](lambda account: element("Owner", owners(account)))
    return [texts[row.attributes.owner] for row in rows]


def _checksums(rows: Sequence[Listed]) -> list[str]:
    """Return the algorithm and the type of each checksum, and nothing without a checksum."""
    whole, composite = Texts(_whole), Texts(_composite)
    return [
        ""
        if (kept := row.checksum) is None
        else (whole if kept.type is _WHOLE else composite)[kept.algorithm]
        for row in rows
    ]


def _whole(algorithm: str) -> str:
    return element("ChecksumAlgorithm", algorithm) + element("ChecksumType", _WHOLE)


def _composite(algorithm: str) -> str:
    kind = element("ChecksumType", ChecksumType.COMPOSITE)
    return element("ChecksumAlgorithm", algorithm) + kind
