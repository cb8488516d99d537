"""Pages of a listing from PostgreSQL: one statement each, in one snapshot.

Without a delimiter, or in a folder of files only, it is a plain scan of the key. From the first
common prefix on (`storage.index.paging`) a recursive part goes from one name or common prefix to
the next by a lookup in the key, however many names lie in between. Subqueries with LIMIT 1 and not
joins: so the planner has no choice but the key.
"""

from __future__ import annotations

from typing import Any

from cluster.database.patience import PatientReader
from storage.errors import BucketNotFound
from storage.index.paging import NamedRow, behind, start_of
from storage.values import APPEND_MARK, ListQuery, UploadQuery

# $1 the bucket's name, $2 the first name, $3 behind the last one, $4 how many, $5 the id of an
# upload of $2 that the page begins behind.
_OBJECTS = """
SELECT name, '' AS id, row FROM s3gw.objects
WHERE bucket = b.id AND name >= $2 AND name < $3 AND $5 = '' ORDER BY name LIMIT $4"""
_UPLOADS = """
SELECT name, id, row FROM s3gw.uploads
WHERE bucket = b.id AND (name, id) > ($2, $5) AND name < $3 AND {these}
ORDER BY name, id LIMIT $4"""

# A bucket without entries is one row of nothing.
_PAGE = """
SELECT page.name, page.id, page.row FROM s3gw.buckets b LEFT JOIN LATERAL ({page}) page ON true
WHERE b.name = $1 ORDER BY page.name, page.id"""

# At $6 the delimiter $7 is looked for.
HAS_DELIMITER = "position($7::bytea IN substr({name}, $6::integer)) > 0"
ROLLED_UP = """
CASE WHEN position($7::bytea IN substr({name}, $6::integer)) > 0
    THEN substr({name}, 1, $6 + position($7 IN substr({name}, $6)) + length($7) - 2)
    ELSE {name} END"""
# The first name that may follow an entry.
AFTER = rf"""
entry.name || CASE WHEN {HAS_DELIMITER.format(name="entry.name")}
    THEN '\xff'::bytea ELSE '\x00'::bytea END"""
_ROLLED_UP_PAGE = f"""
WITH RECURSIVE plain AS MATERIALIZED ({{plain}}),
cut AS (
    SELECT name FROM plain WHERE {HAS_DELIMITER.format(name="name")} ORDER BY name LIMIT 1),
entry(name, number) AS (
    SELECT {ROLLED_UP.format(name="name")}, 1 FROM cut
    UNION ALL
    SELECT (
        SELECT {ROLLED_UP.format(name="found.name")} FROM s3gw.{{table}} found
        WHERE bucket = b.id AND found.name < $3 AND {{these}} AND found.name >= {AFTER}
        ORDER BY found.name LIMIT 1), number + 1
    FROM entry WHERE entry.name IS NOT NULL AND number < $4)
SELECT name, id, row FROM plain WHERE NOT EXISTS (SELECT 1 FROM cut)
    OR name < (SELECT name FROM cut)
UNION ALL
SELECT entry.name, coalesce(it.id, ''), it.row FROM entry
LEFT JOIN LATERAL (
    SELECT {{id}} AS id, row FROM s3gw.{{table}}
    WHERE bucket = b.id AND name = entry.name AND {{these}}
    AND NOT {HAS_DELIMITER.format(name="entry.name")} ORDER BY 1) it ON true
WHERE entry.name IS NOT NULL
ORDER BY 1, 2 LIMIT $4"""


def _statements(plain: str, table: str, these: str, id: str) -> tuple[str, str]:
    """Return the plain one, and that with a delimiter."""
    plain = plain.format(these=these)
    rolled_up = _ROLLED_UP_PAGE.format(plain=plain, table=table, these=these, id=id)
    return _PAGE.format(page=plain), _PAGE.format(page=rolled_up)


_OF_OBJECTS = _statements(_OBJECTS, "objects", "true", "''")
_OF_PARTED = _statements(_UPLOADS, "uploads", f"id < '{APPEND_MARK}'", "id")
_OF_APPENDS = _statements(_UPLOADS, "uploads", f"id >= '{APPEND_MARK}'", "id")


async def entries_of(
    reader: PatientReader, bucket: str, query: ListQuery | UploadQuery
) -> tuple[list[NamedRow], bool]:
    """Return the entries of a page, and whether there are more. Raises `BucketNotFound`."""
    plain, rolled_up = _statements_for(query)
    name, upload_id = start_of(query)
    prefix, limit = query.prefix.encode(), max(query.limit, 0)
    values = (bucket, name, behind(prefix), limit + 1, upload_id)
    if query.delimiter:
        at, delimiter = len(prefix) + 1, query.delimiter.encode()
        rows: Any = await reader.rows(rolled_up, *values, at, delimiter)
    else:
        rows = await reader.rows(plain, *values)
    return page_of(rows, bucket, limit)


def page_of(rows: list[Any], bucket: str, limit: int) -> tuple[list[Any], bool]:
    """Raises `BucketNotFound`."""
    if not rows:
        raise BucketNotFound(bucket)
    if rows[0][0] is None:
        return [], False
    return rows[:limit], len(rows) > limit > 0


def _statements_for(query: ListQuery | UploadQuery) -> tuple[str, str]:
    if isinstance(query, ListQuery):
        return _OF_OBJECTS
    return _OF_APPENDS if query.appends else _OF_PARTED
