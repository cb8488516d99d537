"""Pages of versions from PostgreSQL, newest first within a name.

Current versions and the others are in two tables, whose scans are merged; a delimiter is as in
`listing`, from one name or common prefix to the next in either table.
"""

from __future__ import annotations

from typing import Any

from cluster.database.patience import PatientReader
from cluster.index.listing import AFTER, HAS_DELIMITER, ROLLED_UP, page_of
from storage.index.paging import CURRENT, VersionRow, behind, start_of_versions, with_latest
from storage.index.rows import decode_row
from storage.values import VersionQuery

_AGE = """
SELECT v.age, o.row FROM s3gw.buckets b
LEFT JOIN LATERAL (
    SELECT age FROM s3gw.versions
    WHERE bucket = b.id AND name = $2 AND version = $3 LIMIT 1) v ON true
LEFT JOIN LATERAL (
    SELECT row FROM s3gw.objects WHERE bucket = b.id AND name = $2 LIMIT 1) o ON true
WHERE b.name = $1"""

# $1 the bucket's name, $2 the first name of current versions, $3 behind the last one, $4 how many,
# $5 and $8 the name and the age that the others begin behind.
_PLAIN = f"""
SELECT name, age, row FROM (
    (SELECT name, {CURRENT} AS age, row FROM s3gw.objects
    WHERE bucket = b.id AND name >= $2 AND name < $3 ORDER BY name LIMIT $4)
    UNION ALL
    (SELECT name, age, row FROM s3gw.versions
    WHERE bucket = b.id AND (name, age) > ($5, {{age}}) AND name < $3
    ORDER BY name, age LIMIT $4)) merged
ORDER BY name, age LIMIT $4"""
_PAGE = """
SELECT page.name, page.age, page.row FROM s3gw.buckets b LEFT JOIN LATERAL ({page}) page ON true
WHERE b.name = $1 ORDER BY page.name, page.age"""
_NEXT = f"""
(SELECT name FROM s3gw.{{table}} found
WHERE bucket = b.id AND found.name < $3 AND found.name >= {AFTER}
ORDER BY found.name LIMIT 1)"""
_ROLLED_UP = f"""
WITH RECURSIVE plain AS MATERIALIZED ({_PLAIN.format(age="$8")}),
cut AS (
    SELECT name FROM plain WHERE {HAS_DELIMITER.format(name="name")} ORDER BY name LIMIT 1),
entry(name, number) AS (
    SELECT {ROLLED_UP.format(name="name")}, 1 FROM cut
    UNION ALL
    SELECT (
        SELECT {ROLLED_UP.format(name="least.name")} FROM (
            SELECT least({_NEXT.format(table="objects")}, {_NEXT.format(table="versions")}) AS name
        OFFSET 0) least), number + 1
    FROM entry WHERE entry.name IS NOT NULL AND number < $4)
SELECT name, age, row FROM plain WHERE NOT EXISTS (SELECT 1 FROM cut)
    OR name < (SELECT name FROM cut)
UNION ALL
SELECT entry.name, coalesce(it.age, {CURRENT}), it.row FROM entry
LEFT JOIN LATERAL (
    SELECT {CURRENT} AS age, row FROM s3gw.objects
    WHERE bucket = b.id AND name = entry.name AND NOT {HAS_DELIMITER.format(name="entry.name")}
    UNION ALL
    SELECT age, row FROM s3gw.versions
    WHERE bucket = b.id AND name = entry.name AND NOT {HAS_DELIMITER.format(name="entry.name")}
) it ON true
WHERE entry.name IS NOT NULL
ORDER BY 1, 2 LIMIT $4"""
_PLAIN_PAGE = _PAGE.format(page=_PLAIN.format(age="$6"))
_ROLLED_UP_PAGE = _PAGE.format(page=_ROLLED_UP)


async def version_entries_of(
    reader: PatientReader, bucket: str, query: VersionQuery
) -> tuple[list[VersionRow], bool]:
    """Return the entries of a page, and whether there are more. Raises `BucketNotFound`."""
    age = await _age_of_marker(reader, bucket, query) if query.after_version else None
    first, name, age = start_of_versions(query, age)
    prefix, limit = query.prefix.encode(), max(query.limit, 0)
    values = (bucket, first, behind(prefix), limit + 1, name)
    if query.delimiter:
        at, delimiter = len(prefix) + 1, query.delimiter.encode()
        rows: Any = await reader.rows(_ROLLED_UP_PAGE, *values, at, delimiter, age)
    else:
        rows = await reader.rows(_PLAIN_PAGE, *values, age)
    page, more = page_of(rows, bucket, limit)
    # Where the page continues within a name, the latest of that name was on an earlier one.
    return list(with_latest(page, name if age != CURRENT else None)), more


async def _age_of_marker(reader: PatientReader, bucket: str, query: VersionQuery) -> int | None:
    """Return the age of `after_version`; None when the name has no such version any more."""
    rows: Any = await reader.rows(_AGE, bucket, query.after.encode(), query.after_version)
    if not rows:
        return None
    age: int | None
    ((age, current),) = rows
    if age is not None:
        return age
    is_current = current is not None and decode_row(current).version == query.after_version
    return CURRENT + 1 if is_current else None
