"""Answers as AIStore writes them.

JSON, and bare text where its clients take it verbatim.
"""

from __future__ import annotations

from typing import Any

from s3gw.http.reply import Reply
from s3gw.native.actmsg import json
from s3gw.native.errors import JSON

TEXT = "text/plain"


def json_reply(document: Any, *, status: int = 200) -> Reply:
    return Reply(status, {"Content-Type": JSON}, json(document))


def text_reply(text: str, *, status: int = 200) -> Reply:
    return Reply(status, {"Content-Type": TEXT}, text.encode())
