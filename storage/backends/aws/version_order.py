"""The order of versions and delete markers in a listing.

S3 lists both in one sequence, newest first for each name; botocore sorts them into two lists, and
their times are in whole seconds, so that the order could not be found again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

# In the answer of `list_object_versions`: the key and version id of each row, in order.
ORDER = "S3gwOrder"

_ROWS = ("Version", "DeleteMarker")


def keep_version_order(
    response_dict: Mapping[str, Any], customized_response_dict: dict[str, Any], **_: object
) -> None:
    """Add the order to the answer; called by botocore before it parses the body."""
    if response_dict["status_code"] >= 300:
        return
    try:
        root = ElementTree.fromstring(response_dict["body"])
    except ElementTree.ParseError:
        return  # botocore says so itself
    encoded = any(_local(each) == "EncodingType" and each.text == "url" for each in root)
    rows = []
    for each in root:
        if _local(each) in _ROWS:
            texts = {_local(child): child.text or "" for child in each}
            key = texts.get("Key", "")
            rows.append((unquote_plus(key) if encoded else key, texts.get("VersionId", "")))
    customized_response_dict[ORDER] = rows


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
