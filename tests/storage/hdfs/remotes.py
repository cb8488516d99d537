"""An HDFS of each kind to be the remote, and its backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.backends.hdfs import HdfsBackend
from tests.storage.event_loop import run
from tests.storage.hdfs.mini_dfs import mini_dfs
from tests.storage.hdfs.web_hdfs import WebHdfs

IN_MEMORY, HTTPFS, REAL = "in memory", "HttpFS", "MiniDFSCluster"
KINDS = (IN_MEMORY, HTTPFS, REAL)
# Few enough that listings take several batches.
LIMIT = 7


@contextmanager
def remote(kind: str, folder: Path) -> Iterator[HdfsBackend]:
    """A backend of an HDFS of that kind, whose batches are small."""
    if kind == REAL:
        with mini_dfs(folder, {"dfs.ls.limit": str(LIMIT)}) as real:
            backend = HdfsBackend(real.options())
            yield backend
            run(backend.aclose())
        return
    hdfs = WebHdfs(limit=LIMIT, httpfs=kind == HTTPFS)
    run(hdfs.__aenter__())
    backend = HdfsBackend(hdfs.options())
    yield backend
    run(backend.aclose())
    run(hdfs.__aexit__(None, None, None))
