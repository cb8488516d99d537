"""Forms of browser uploads: fields in memory, the file as a stream.

    --<boundary> CRLF
    Content-Disposition: form-data; name="key" CRLF CRLF
    photos/${filename} CRLF
    --<boundary> CRLF
    Content-Disposition: form-data; name="file"; filename="cat.jpg" CRLF CRLF
    <the object's bytes> CRLF
    --<boundary>--

The file ends the form: what comes after it is read and dropped, and a form that ends before its
file does stores nothing. Names of fields are in lower case; `${filename}` is replaced in every
value, by what follows the last slash or backslash of the file's name.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
https://www.rfc-editor.org/rfc/rfc7578
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING

from msgspec import Struct
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from s3gw.auth.post_policy import Policy, denied, parse_policy
from s3gw.config.limits import Limits
from s3gw.http.request import MAX_KEY
from s3gw.sigv4.errors import AuthorizationMalformed
from s3gw.sigv4.form import FieldMissing, FormSignature, FormSignatureV2, parse_form_signature
from s3gw.sigv4.query import is_presigned
from s3gw.sigv4.v2 import is_presigned_v2
from s3gw.wire.errors import Code, S3Error

if TYPE_CHECKING:
    from s3gw.http.request import Request

# In one part: Content-Disposition, Content-Type, and a client's own ones.
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 4096
IGNORED = "x-ignore-"

_VARIABLE = "${filename}"
_SEPARATOR = re.compile(r"[/\\]")
# Values of Content-Transfer-Encoding for unencoded bytes (RFC 7578, 4.7).
_AS_IT_STANDS = frozenset([b"7bit", b"8bit", b"binary"])
# As headers these would apply to the whole form; those of its file are sent as fields.
_OF_THE_BODY = (
    "content-md5",
    "x-amz-content-sha256",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
)

# A stranger's malformed form is answered, not logged.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


class Form(Struct):
    """A form up to its file.

    `fields` are decoded, by lower-case name, `${filename}` replaced. `file` are the bytes of the
    file, read from the request on demand; it raises `MalformedPOSTRequest` when the form is
    incomplete. `policy` is set when the form has one, and its signature was verified.
    """

    fields: Mapping[str, str]
    file: AsyncIterator[bytes]
    policy: Policy | None = None

    @property
    def key(self) -> str:
        return self.fields["key"]

    def read_policy(self, now_s: int) -> None:
        """Parse the policy. Raises `InvalidPolicyDocument`, and `AccessDenied` if it has
        expired."""
        if "policy" in self.fields:
            self.policy = parse_policy(self.fields["policy"])
            if self.policy.has_expired(now_s):
                raise denied("Policy expired.")


def is_form(request: Request) -> bool:
    """Whether the request's body is a form, by its type; its operation decides what that means."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip().lower() == "multipart/form-data"


async def read_form(request: Request) -> Form:
    """Read everything before the file. Raises for a form that is malformed, has too much in its
    fields, or lacks its key or its file, and for a request that is also signed itself."""
    _check_head(request)
    limits = request.limits
    reader = _Reader(request.headers["content-type"], limits)
    async for chunk in request.body:
        reader.feed(chunk)
        if reader.stage is not _Stage.FIELDS:
            break
    if reader.stage is _Stage.FIELDS:
        raise _malformed() if not reader.closed else _no_file()
    fields = _expanded(reader.fields, reader.filename, limits)
    _check_key(fields.get("key"))
    return Form(fields, _file_of(reader, request.body))


def form_signature(form: Form) -> FormSignature | FormSignatureV2 | None:
    """Return the signature in the fields; None for an unsigned form. Raises for an incomplete
    signature."""
    try:
        return parse_form_signature(form.fields)
    except FieldMissing as error:
        raise _missing_field(error.name) from None
    except AuthorizationMalformed as error:
        raise S3Error(Code.AuthorizationQueryParametersError, str(error)) from None


class _Stage(Enum):
    FIELDS = auto()
    FILE = auto()
    AFTER = auto()


class _Reader:
    """Receives the parser's callbacks; `take` returns the file's bytes so far."""

    def __init__(self, content_type: str, limits: Limits) -> None:
        self._limits = limits
        self.stage = _Stage.FIELDS
        self.closed = False
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self._read_bytes = 0
        self._headers: dict[bytes, bytes] = {}
        self._header = bytearray()
        self._text = bytearray()
        self._name = ""
        self._pieces: list[bytes] = []
        self._parser = self._new_parser(content_type)

    def feed(self, chunk: bytes) -> None:
        if self.stage is _Stage.FIELDS:
            head = chunk[: self._limits.form_bytes - self._read_bytes]
            chunk = chunk[len(head) :]
            self._read_bytes += len(head)
            self._write(head)
        if chunk and self.stage is _Stage.FIELDS and not self.closed:
            raise _too_much(self._limits)
        if chunk and self.stage is _Stage.FILE:
            self._write(chunk)

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces

    def _write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError:
            if self.stage is not _Stage.AFTER:
                raise _malformed() from None

    def _new_parser(self, content_type: str) -> MultipartParser:
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not boundary:
            raise _malformed()
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_header_name,
                    "on_header_value": self._on_text,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_text,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
                max_header_count=MAX_PART_HEADERS,
                max_header_size=MAX_PART_HEADER_BYTES,
            )
        except FormParserError:
            raise _malformed() from None

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_text(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's value, of a field's, or of the file."""
        if self.stage is _Stage.FILE:
            self._pieces.append(data[start:end])
        elif self.stage is _Stage.FIELDS:
            self._text += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._text)
        self._header.clear()
        self._text.clear()

    def _on_headers_finished(self) -> None:
        if self.stage is not _Stage.FIELDS:
            return
        encoding = self._headers.get(b"content-transfer-encoding", b"binary").strip().lower()
        kind, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = _decoded(options.get(b"name", b"")).lower()
        if kind != b"form-data" or not self._name or encoding not in _AS_IT_STANDS:
            raise _malformed()
        if self._name == "file":
            named = options.get(b"filename")
            self.filename = None if named is None else _decoded(named)
            self.stage = _Stage.FILE

    def _on_part_end(self) -> None:
        if self.stage is _Stage.FILE:
            self.stage = _Stage.AFTER
        elif self.stage is _Stage.FIELDS:
            # Two values of a field are ambiguous: a policy may allow one and not the other.
            if self._name in self.fields and not self._name.startswith(IGNORED):
                message = "The form holds a field more than once."
                raise S3Error(Code.InvalidArgument, message, ArgumentName=self._name)
            if len(self.fields) == self._limits.form_fields:
                most = str(self._limits.form_fields)
                raise S3Error(Code.MaxPostPreDataLengthExceededError, MaxFieldsAllowed=most)
            self.fields[self._name] = _decoded(bytes(self._text))
            self._text.clear()

    def _on_end(self) -> None:
        self.closed = True


async def _file_of(reader: _Reader, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in reader.take():
        yield piece
    async for chunk in body:
        reader.feed(chunk)
        for piece in reader.take():
            yield piece
    if reader.stage is not _Stage.AFTER:
        raise _malformed()


def _check_head(request: Request) -> None:
    if (
        "authorization" in request.headers
        or is_presigned(request.query)
        or is_presigned_v2(request.query)
    ):
        message = "Only one auth mechanism allowed; a form is signed in its fields."
        raise S3Error(Code.InvalidArgument, message, ArgumentName="Authorization")
    for name in _OF_THE_BODY:
        if request.headers.get(name, "UNSIGNED-PAYLOAD") != "UNSIGNED-PAYLOAD":
            raise S3Error(Code.NotImplemented, Header=name)
    if request.decoded_length is None and "transfer-encoding" not in request.headers:
        raise S3Error(Code.MissingContentLength)


def _expanded(fields: Mapping[str, str], filename: str | None, limits: Limits) -> dict[str, str]:
    """Return the fields with the file's name in them; a file without one leaves the variable."""
    name = _VARIABLE if filename is None else _SEPARATOR.split(filename)[-1]
    expanded = {field: value.replace(_VARIABLE, name) for field, value in fields.items()}
    if sum(map(len, expanded.values())) > limits.form_bytes:
        raise _too_much(limits)
    return expanded


def _check_key(key: str | None) -> None:
    if key is None:
        raise _missing_field("key")
    if not key:
        message = "User key must have a length greater than 0."
        raise S3Error(Code.InvalidArgument, message, ArgumentName="key", ArgumentValue="")
    if len(key.encode()) > MAX_KEY:
        raise S3Error(Code.KeyTooLongError, Size=str(len(key)), MaxSizeAllowed=str(MAX_KEY))


def _missing_field(name: str) -> S3Error:
    message = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the "
        "order of the fields."
    )
    return S3Error(Code.InvalidArgument, message, ArgumentName=name, ArgumentValue="")


def _no_file() -> S3Error:
    message = "POST requires exactly one file upload per request."
    return S3Error(Code.InvalidArgument, message, ArgumentName="file", ArgumentValue="0")


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _malformed() from None


def _malformed() -> S3Error:
    return S3Error(Code.MalformedPOSTRequest)


def _too_much(limits: Limits) -> S3Error:
    most = str(limits.form_bytes)
    return S3Error(Code.MaxPostPreDataLengthExceededError, MaxSizeAllowed=most)
