"""Archives (shards): objects in TAR, TGZ, TAR.LZ4 or ZIP format, and their members.

`Archives.open` returns a `Shard`: its members are listed, selected and read, whole or in part. A
member of a TAR or ZIP is read where it lies, found in an index that is built at first use; the
compressed tars are unpacked as they stream, up to the member that is wanted. `archive_writer`
writes archives of all four formats as a stream, and `archive_of` whole ones, also out of an older
one. `Folders` lists their members as keys.

If an archive has several members of one name, the first one is meant, as in AIStore.
"""

from __future__ import annotations

from storage.archives.cache import IndexCache
from storage.archives.contents import Contents
from storage.archives.folders import FolderPage, Folders
from storage.archives.formats import ArchiveFormat, archives_in, format_named, format_of_name
from storage.archives.making import (
    Addition,
    Additions,
    NotAsLong,
    SeveralAdditions,
    TooManyEntries,
    archive_of,
)
from storage.archives.member import Member, MemberReading
from storage.archives.packing import packed
from storage.archives.saved import SavedIndexes
from storage.archives.selection import BadSelection, Mode, Selection, mode_named
from storage.archives.shard import Archives, MemberAsked, Shard
from storage.archives.writing import ArchiveWriter, Entry, archive_writer

__all__ = [
    "Addition",
    "Additions",
    "ArchiveFormat",
    "ArchiveWriter",
    "Archives",
    "BadSelection",
    "Contents",
    "Entry",
    "FolderPage",
    "Folders",
    "IndexCache",
    "Member",
    "MemberAsked",
    "MemberReading",
    "Mode",
    "NotAsLong",
    "SavedIndexes",
    "Selection",
    "SeveralAdditions",
    "Shard",
    "TooManyEntries",
    "archive_of",
    "archive_writer",
    "archives_in",
    "format_named",
    "format_of_name",
    "mode_named",
    "packed",
]
