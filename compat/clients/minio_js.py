"""minio-js."""

from __future__ import annotations

from compat.clients.node import NodeClient


class Driver(NodeClient):
    script = "minio_js.cjs"
