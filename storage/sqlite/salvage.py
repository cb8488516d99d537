"""Copying of a damaged database, page by page, into a new one.

Each tree is walked from its root; where an inner page is lost, the pages that say what each page is
for (`auto_vacuum`) name the leaves that it had. Pages that were given back are not read: they hold
what was deleted. Of tables without such pages, leaves that no tree has are taken for the table that
has as many columns of those types, if it is only one.

What is on whole pages is put in first. Rows of damaged pages, which may be wrong anywhere, come
after them and are named in the report: their reader has to prove them, or leave them.
"""

from __future__ import annotations

import struct
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from storage.sqlite.btree import TableRow, Unreadable, Value, children, is_btree, rows
from storage.sqlite.pages import USABLE, Pages, Trust
from storage.sqlite.shape import Shape, read_shape, shape_of

_BTREE_PAGE = 5


@dataclass
class Salvaged:
    """`damaged` are the tables that lack something, or may. `doubtful` has the keys, table by
    table, of rows from damaged pages; `lost` says in words what could not be read.
    `sequences` are the highest ids that were given (`AUTOINCREMENT`)."""

    rows: int = 0
    damaged: set[str] = field(default_factory=set)
    doubtful: dict[str, set[tuple[Value, ...]]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    sequences: dict[str, int] = field(default_factory=dict)


class _Table(Struct, frozen=True):
    name: str
    columns: int
    keys: int
    has_rowid: bool
    rowid_column: int | None
    types: tuple[frozenset[type], ...]


def salvage(database: Path, target: apsw.Connection) -> Salvaged:
    """`target` has the tables, without rows. Raises `OSError` if the disk cannot be read."""
    done = Salvaged()
    if not database.exists():
        done.lost.append(f"{database} is missing")
    with closing(Pages(database)) as pages:
        _Salvage(pages, target, read_shape(database) or shape_of(target), done, database).run()
    return done


@dataclass
class _Salvage:
    pages: Pages
    target: apsw.Connection
    shape: Shape
    done: Salvaged
    database: Path
    owners: dict[int, str] = field(default_factory=dict)

    def run(self) -> None:
        tables = {name: _table(self.target, name) for name in _names(self.target)}
        for name in tables:
            self._claim(name, self.shape.roots.get(name, 0))
        if self.shape.mapped:
            self._claim_by_map(tables)
        else:
            self._claim_by_form(tables)
        self._read_sequences()
        if self.pages.lost_frames:
            self._lose(f"{self.pages.lost_frames} pages in the log were overwritten", *tables)
        late: list[tuple[_Table, TableRow]] = []
        for number, name in sorted(self.owners.items()):
            if name in tables:
                self._copy(number, tables[name], late)
        for table, row in late:
            self._insert(table, row)

    def _read_sequences(self) -> None:
        number = self.shape.roots.get("sqlite_sequence", 0)
        page = self.pages.get(number)
        for row in rows(self.pages, page, number) if is_btree(page, number) else ():
            if isinstance(row, TableRow) and row.sure and len(row.values) == 2:
                name, highest = row.values
                if isinstance(name, str) and isinstance(highest, int):
                    self.done.sequences[name] = highest

    def _lose(self, problem: str, *tables: str) -> None:
        self.done.damaged.update(tables)
        self.done.lost.append(f"{self.database}: {problem}")

    def _claim(self, name: str, root: int) -> None:
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number in self.owners or not 0 < number <= self.pages.count:
                continue
            page = self.pages.get(number)
            self.owners[number] = name
            if is_btree(page, number):
                waiting += children(page, number)

    def _claim_by_map(self, tables: dict[str, _Table]) -> None:
        """Leaves below a lost inner page: the map has the page above each."""
        for number in range(3, self.pages.count + 1):
            chain: list[int] = []
            above = number
            while above and above not in self.owners and above not in chain:
                chain.append(above)
                above = self._above(above)
            if (name := self.owners.get(above)) is not None:
                self.owners.update(dict.fromkeys(chain, name))

    def _above(self, number: int) -> int:
        """The page above in its tree; 0 if there is none, or nothing says so."""
        each = USABLE // 5 + 1
        mapping = 2 + (number - 2) // each * each
        page = self.pages.get(mapping)
        place = 5 * (number - mapping - 1)
        if number == mapping or page.trust is Trust.LOST or place + 5 > USABLE:
            return 0
        kind, above = struct.unpack_from(">BI", page.content, place)
        return int(above) if kind == _BTREE_PAGE else 0

    def _claim_by_form(self, tables: dict[str, _Table]) -> None:
        if all(self.pages.get(n).trust is Trust.SURE for n in self.owners):
            return
        for number in range(2, self.pages.count + 1):
            page = self.pages.get(number)
            if number in self.owners or page.trust is not Trust.SURE or not is_btree(page, number):
                continue
            for row in rows(self.pages, page, number):
                fitting = [each.name for each in tables.values() if _fits(each, row)]
                if len(fitting) == 1:
                    self.owners[number] = fitting[0]
                break

    def _copy(self, number: int, table: _Table, late: list[tuple[_Table, TableRow]]) -> None:
        page = self.pages.get(number)
        if not is_btree(page, number):
            self._lose(f"page {number} of table {table.name} is lost", table.name)
            return
        if page.trust is not Trust.SURE:
            self._lose(f"page {number} of table {table.name} is damaged", table.name)
        for row in rows(self.pages, page, number):
            if isinstance(row, Unreadable):
                self._lose(f"a row on page {number} of table {table.name}: {row}", table.name)
            elif row.sure:
                self._insert(table, row)
            else:
                late.append((table, row))

    def _insert(self, table: _Table, row: TableRow) -> None:
        values = _values(table, row)
        if values is None:
            self._lose(f"a row of table {table.name} has {len(row.values)} columns", table.name)
            return
        marks = ", ".join("?" * table.columns)
        try:
            self.target.execute(f"INSERT OR IGNORE INTO {table.name} VALUES({marks})", values)
        except (apsw.ConstraintError, apsw.MismatchError) as error:
            self._lose(f"a row of table {table.name}: {error}", table.name)
            return
        if self.target.changes():
            self.done.rows += 1
            if not row.sure:
                self.done.damaged.add(table.name)
                self.done.doubtful.setdefault(table.name, set()).add(values[: table.keys])


def _names(target: apsw.Connection) -> list[str]:
    sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [str(name) for (name,) in target.execute(sql)]


_TYPES: dict[str, frozenset[type]] = {
    "INTEGER": frozenset({int}),
    "TEXT": frozenset({str}),
    "BLOB": frozenset({bytes}),
}


def _table(target: apsw.Connection, name: str) -> _Table:
    columns = list(target.execute(f"PRAGMA table_info({name})"))
    sql = "SELECT wr FROM pragma_table_list WHERE name = ?"
    has_rowid = not target.execute(sql, (name,)).get
    rowid = None
    if has_rowid:
        rowid = next((each[0] for each in columns if each[5] and each[2] == "INTEGER"), None)
    types = tuple(
        _TYPES[each[2]] | ({type(None)} if _may_be_null(each, rowid) else set()) for each in columns
    )
    keys = sum(1 for each in columns if each[5])
    return _Table(name, len(columns), keys, has_rowid, rowid, types)


def _may_be_null(column: tuple[Any, ...], rowid: int | None) -> bool:
    """The column that is the rowid is NULL in the row itself."""
    place, _, _, not_null, _, of_key = column
    return place == rowid or not (not_null or of_key)


def _fits(table: _Table, row: TableRow | Unreadable) -> bool:
    return (
        isinstance(row, TableRow)
        and len(row.values) == table.columns
        and (row.rowid is not None) == table.has_rowid
        and all(type(v) in types for v, types in zip(row.values, table.types, strict=True))
    )


def _values(table: _Table, row: TableRow) -> tuple[Value, ...] | None:
    if len(row.values) != table.columns or (row.rowid is not None) != table.has_rowid:
        return None
    values = list(row.values)
    if table.rowid_column is not None:
        values[table.rowid_column] = row.rowid
    return tuple(values)
