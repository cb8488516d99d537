"""The AWS SDK for JavaScript, v3."""

from __future__ import annotations

from compat.clients.node import NodeClient


class Driver(NodeClient):
    script = "aws_sdk_js.cjs"
