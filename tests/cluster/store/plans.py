"""What a statement reads, as the database says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.cluster.store.cluster_stores import Keeper

_SCANS = ("Index Scan", "Index Only Scan", "Seq Scan", "Bitmap Heap Scan", "Tid Scan")


def rows_read(keeper: Keeper, sql: str, *values: Any) -> float:
    """Run the statement; return how many rows its scans of tables have read."""
    ((plan,),) = keeper.rows(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", *values)
    return sum(_rows_of(json.loads(plan)[0]["Plan"]))


def _rows_of(node: Any) -> Iterator[float]:
    if node["Node Type"] in _SCANS:
        removed = node.get("Rows Removed by Filter", 0)
        yield (node["Actual Rows"] + removed) * node["Actual Loops"]
    for each in node.get("Plans", ()):
        yield from _rows_of(each)
