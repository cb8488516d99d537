"""XML of uploads: what is sent to complete one, and what the answers say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from msgspec import Struct

from storage.backends.gcp.facts import ns_of, unquoted
from storage.backends.gcp.place import Place
from storage.errors import BackendError, BackendUnavailable
from storage.values import NO_ATTRIBUTES, PartInfo, UploadInfo

Element = ElementTree.Element


class Uploading(Struct, frozen=True):
    """One page of unfinished uploads; `onward` are the name and the id to go on by."""

    uploads: tuple[UploadInfo, ...]
    prefixes: tuple[str, ...]
    onward: tuple[str, str] | None


def completion_of(parts: Sequence[PartInfo]) -> bytes:
    root = ElementTree.Element("CompleteMultipartUpload")
    for part in parts:
        element = ElementTree.SubElement(root, "Part")
        ElementTree.SubElement(element, "PartNumber").text = str(part.number)
        ElementTree.SubElement(element, "ETag").text = f'"{part.etag}"'
    return ElementTree.tostring(root)


def read_upload_id(content: bytes, place: Place) -> str:
    upload_id = _text(_root(content, "InitiateMultipartUploadResult", place), "UploadId")
    if not upload_id:
        raise BackendError(str(place), "InvalidResponse", "an upload has no id")
    return upload_id


def read_completed(content: bytes, place: Place) -> None:
    """Raise unless the answer says that the upload is complete: its status may have been sent
    before that was known."""
    _root(content, "CompleteMultipartUploadResult", place)


def read_parts(content: bytes, place: Place) -> tuple[list[PartInfo], bool]:
    """Return the parts of a page, and whether there are more."""
    root = _root(content, "ListPartsResult", place)
    parts = [
        PartInfo(
            int(_text(each, "PartNumber")),
            int(_text(each, "Size")),
            unquoted(_text(each, "ETag")),
            ns_of(_text(each, "LastModified")),
        )
        for each in _all(root, "Part")
    ]
    return parts, _text(root, "IsTruncated") == "true"


def read_uploads(content: bytes, place: Place) -> Uploading:
    """Names are percent-encoded, as it was requested. Attributes of an upload show in its object
    only."""
    root = _root(content, "ListMultipartUploadsResult", place)

    def name_of(element: Element, tag: str) -> str:
        return unquote_plus(_text(element, tag))

    uploads = tuple(
        UploadInfo(
            id=_text(each, "UploadId"),
            name=name_of(each, "Key"),
            initiated_ns=ns_of(_text(each, "Initiated")),
            owner="",
            attributes=NO_ATTRIBUTES,
        )
        for each in _all(root, "Upload")
    )
    prefixes = tuple(name_of(each, "Prefix") for each in _all(root, "CommonPrefixes"))
    onward = None
    if _text(root, "IsTruncated") == "true":
        onward = name_of(root, "NextKeyMarker"), _text(root, "NextUploadIdMarker")
    return Uploading(uploads, prefixes, onward)


def _root(content: bytes, tag: str, place: Place) -> Element:
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        raise BackendError(str(place), "InvalidResponse", "it is not XML") from None
    if root.tag.rpartition("}")[2] == "Error":
        raise BackendUnavailable(str(place), _text(root, "Code"), _text(root, "Message"))
    if root.tag.rpartition("}")[2] != tag:
        raise BackendError(str(place), "InvalidResponse", f"it is not a {tag}")
    return root


def _all(element: Element, tag: str) -> Iterator[Element]:
    return (each for each in element if each.tag.rpartition("}")[2] == tag)


def _text(element: Element, tag: str) -> str:
    return next((each.text or "" for each in _all(element, tag)), "")
