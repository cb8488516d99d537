"""Answers of a Cloud Storage with one object, for the double that breaks off, dawdles and lies."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from storage.backends.gcp import GcpBackend, sums
from tests.storage.aws.double import NO_HEADERS, Answer, Answerer, Asked, Double
from tests.storage.event_loop import run
from tests.storage.gcp.remotes import options_for

GENERATION = "17"
OTHER_GENERATION = "18"

Use = Callable[[GcpBackend, Double], Awaitable[Any]]


def against(answer: Answer, use: Use, **options: Any) -> Any:
    """What `use` returns, with a backend whose endpoint answers so."""

    async def act() -> Any:
        async with Double(answer) as double:
            chosen = options_for(
                double.endpoint, **{"attempts": 1, "first_pause_s": 0.01, **options}
            )
            async with GcpBackend(chosen) as backend:
                return await use(backend, double)

    return run(act())


def is_media(asked: Asked) -> bool:
    return "alt=media" in asked.target


def media_of(double: Double) -> list[Asked]:
    return [asked for asked in double.asked if is_media(asked)]


def resource(content: bytes, **others: Any) -> bytes:
    said = {
        "name": "a",
        "size": str(len(content)),
        "generation": GENERATION,
        "metageneration": "1",
        "timeCreated": "2026-12-01T00:00:00.5Z",
        "etag": "CBE=",
        "md5Hash": base64.b64encode(md5(content)).decode(),
        "crc32c": sums.shown(sums.add(content)),
        **others,
    }
    return json.dumps(said).encode()


def md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def serving(content: bytes, media: Answer, **others: Any) -> Answer:
    """The facts of the object, and its bytes as `media` sends them."""

    async def answer(asked: Asked, to: Answerer) -> None:
        if is_media(asked):
            await media(asked, to)
        else:
            await to.send(200, resource(content, **others), {"content-type": "application/json"})

    return answer


async def send_media(
    to: Answerer,
    asked: Asked,
    content: bytes,
    *,
    sent: int | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
) -> None:
    """What was asked for of the object, or its first `sent` bytes under the length of all."""
    facts = {"x-goog-generation": GENERATION, **headers}
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
    if found is None:
        await to.send(200, content[:sent], facts, length=len(content))
        return
    start, stop = int(found[1]), int(found[2]) + 1 if found[2] else len(content)
    part = content[start:stop]
    where = {"content-range": f"bytes {start}-{stop - 1}/{len(content)}"}
    await to.send(206, part[:sent], {**where, **facts}, length=len(part))


async def refuse(to: Answerer, status: int, reason: str, message: str = "") -> None:
    first = {"reason": reason, "message": message}
    error = {"error": {"code": status, "message": message, "errors": [first]}}
    await to.send(status, json.dumps(error).encode(), {"content-type": "application/json"})
