"""Uploads from browsers: a form whose last field is the object.

A form has in its fields what a PUT has in its headers. Once its policy allows them, the file is
stored as PutObject stores a body, with the fields in place of its headers: whatever PutObject can
keep, verify or refuse is kept, verified or refused for forms too.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote, urlencode, urlsplit

from s3gw.access import Access, authorize_key
from s3gw.auth.form import Form
from s3gw.auth.post_policy import LengthRange, check_fields
from s3gw.events.events import EventName
from s3gw.http.addresses import object_url
from s3gw.http.reply import XML, Reply
from s3gw.http.request import Level
from s3gw.ops.put_object import store_object
from s3gw.ops.tagging import Tagging
from s3gw.s3.call import Call
from s3gw.s3.headers import CONTENT_HEADERS, META, check_tags
from s3gw.s3.routing import not_a_form, operation, path
from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import DECLARATION, escape, from_xml

_SIGNS = frozenset(["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"])
_CONTENT = frozenset(CONTENT_HEADERS) | {"content-md5"}
_LATIN_1 = frozenset(CONTENT_HEADERS[:6]) - {"content-disposition"}
_STATUSES = frozenset(["200", "201", "204"])
# What RFC 9110 allows: a field may hold line breaks, a header may not.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_LINE_ENDS = re.compile("[\r\n]")
# Valid in a URL as it is (RFC 3986): everything else of a redirect is escaped.
_IN_URLS = "%:/?#[]@!$&'()*+,;=~"


@operation("POST", Level.BUCKET, access=Access.PUT, by_form=True)
class PostObject:
    bucket: str = path("Bucket")

    async def run(self, call: Call) -> Reply:
        form = call.form
        if form is None:
            raise not_a_form()
        if form.policy is not None:
            check_fields(form.policy, {**form.fields, "bucket": self.bucket})
        ranges = form.policy.length_ranges if form.policy else ()
        # Only its end shows how long the file is.
        headers = {"transfer-encoding": "chunked", **_headers(form)}
        file = call.about(form.key, headers=headers, body=_within(ranges, form.file))
        await authorize_key(file, "PostObject", form.key, Access.PUT)
        stored = await store_object(file, EventName.CREATED_POST)
        return _answer(call, form, stored)


def _headers(form: Form) -> dict[str, str]:
    named = {
        name: _header_value(name, value)
        for name, value in form.fields.items()
        if (name in _CONTENT and value) or (name.startswith("x-amz-") and name not in _SIGNS)
    }
    if "acl" in form.fields:
        named["x-amz-acl"] = _header_value("acl", form.fields["acl"])
    if "tagging" in form.fields:
        named["x-amz-tagging"] = _tagging(form.fields["tagging"])
    return named


def _header_value(name: str, value: str) -> str:
    """Return the value as a header would have it, with its bytes as latin-1. Spaces and tabs at its
    ends are its own: only of a header they would not be.

    Metadata is any text of one line, as it goes out in encoded words. Of other headers AWS keeps
    what latin-1 has, and a space for the rest; a file name is kept in full.
    """
    refused = _LINE_ENDS if name.startswith(META) else _CONTROLS
    if not _TOKEN.fullmatch(name) or refused.search(value):
        message = "A field of the form cannot be written as a header."
        raise S3Error(Code.InvalidArgument, message, ArgumentName=name)
    if name in _LATIN_1:
        return "".join(character if character <= "\xff" else " " for character in value)
    return value.encode().decode("latin-1")


def _tagging(document: str) -> str:
    """Return the tags as a header has them. AWS takes a document of another kind as one of none."""
    tagging = from_xml(Tagging, document.encode(), any_root=True)
    return urlencode(check_tags([(tag.key, tag.value) for tag in tagging.tag_set]))


async def _within(
    ranges: Iterable[LengthRange], file: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield the file; raise if its size is outside one of the ranges."""
    minimum = max((one.minimum for one in ranges), default=0)
    maximum = min((one.maximum for one in ranges), default=None)
    size = 0
    async for piece in file:
        size += len(piece)
        if maximum is not None and size > maximum:
            raise _wrong_size(Code.EntityTooLarge, size, MaxSizeAllowed=str(maximum))
        yield piece
    if size < minimum:
        raise _wrong_size(Code.EntityTooSmall, size, MinSizeAllowed=str(minimum))


def _wrong_size(code: Code, size: int, **limit: str) -> S3Error:
    return S3Error(code, headers=None, ProposedSize=str(size), **limit)


def _answer(call: Call, form: Form, stored: dict[str, str]) -> Reply:
    """Return a redirect if the form wants one that can be written, else the status it wants."""
    etag = stored["ETag"]
    wanted = form.fields.get("success_action_redirect", form.fields.get("redirect", ""))
    if target := _redirect(wanted, {"bucket": call.bucket, "key": form.key, "etag": etag}):
        return Reply(303, {**stored, "Location": target})
    location = object_url(call, form.key)
    headers = {**stored, "Location": location}
    status = form.fields.get("success_action_status", "")
    if status == "201":
        document = _post_response(Location=location, Bucket=call.bucket, Key=form.key, ETag=etag)
        return Reply(201, {**headers, "Content-Type": XML}, document)
    return Reply(int(status) if status in _STATUSES else 204, headers)


def _redirect(url: str, parameters: dict[str, str]) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return None
    added = urlencode(parameters, quote_via=quote)
    query = f"{parts.query}&{added}" if parts.query else added
    return quote(parts._replace(query=query).geturl(), safe=_IN_URLS)


def _post_response(**elements: str) -> bytes:
    """Write the document. Like errors, and unlike S3's other documents, it has no namespace."""
    inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
    return f"{DECLARATION}<PostResponse>{inside}</PostResponse>".encode()
