"""`s3gw object head`"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from s3gw.cli.arguments import OBJECT
from s3gw.cli.connection import ClientOptions, connect
from s3gw.cli.parameters import argument, option
from s3gw.cli.parsing import Command
from s3gw.cli.progress import size_text
from s3gw.cli.tables import facts, json_text, moment, printable
from s3gw.client.names import ObjectName, read_object
from s3gw.client.objects import ObjectRead, head_object

_EXAMPLES = """\
  s3gw object head ais://shards/0001.tar
  s3gw object head ais://shards/0001.tar --json | jq -r .checksum
  s3gw object head ais://shards/0001.tar --archpath images/7.jpg

The exit code is 1 when the object does not exist."""
_NS = 1_000_000_000
_HEADERS = {
    "version": "ais-version",
    "checksum_type": "ais-checksum-type",
    "checksum": "ais-checksum-value",
    "etag": "etag",
    "modified": "last-modified",
    "atime_ns": "ais-atime",
    "custom": "ais-custom-md",
    "chunks": "ais-chunks-count",
    "copies": "ais-mirror-copies",
    "location": "ais-location",
    "present": "ais-present",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(ClientOptions):
    object: ObjectName = argument(OBJECT, read=read_object)
    archpath: str = option("MEMBER", default="", help="a member, if the object is an archive")


def run(options: Options) -> int:
    read = ObjectRead(member=options.archpath) if options.archpath else None
    with connect(options) as client:
        headers = client.call(head_object(options.object, read))
    document = _document(options.object, headers)
    if options.json:
        print(json_text(document))
    else:
        print(facts([_fact(name, value) for name, value in document.items()]))
    return 0


def _document(name: ObjectName, headers: Mapping[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {"name": str(name), "size": int(headers["content-length"])}
    document |= {key: headers[header] for key, header in _HEADERS.items() if headers.get(header)}
    if "etag" in document:
        document["etag"] = document["etag"].strip('"')
    if "custom" in document:
        document["custom"] = dict(_pairs(document["custom"]))
    return document


def _pairs(text: str) -> list[tuple[str, str]]:
    """Parse `k=v, k2=v2`; a comma without a new pair after it is part of the value."""
    pairs: list[tuple[str, str]] = []
    for item in text.split(", "):
        name, equals, value = item.partition("=")
        if equals or not pairs:
            pairs.append((name, value))
        else:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}, {item}")
    return pairs


def _fact(name: str, value: object) -> tuple[str, str]:
    match name, value:
        case "size", int(size):
            return name, f"{size_text(size)} ({size} bytes)" if size >= 1024 else size_text(size)
        case "atime_ns", _:
            return "accessed", moment(int(str(value)) // _NS)
        case "custom", dict(pairs):
            return name, printable(", ".join(f"{key}={text}" for key, text in pairs.items()))
    return name.replace("_", " "), printable(str(value))


COMMAND = Command(Options, run, _EXAMPLES)
