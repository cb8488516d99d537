"""Refusals by the HTTP parsers, answered as S3 answers errors.

A reason phrase, an XML document and a request id: SDKs take a status line without a phrase for a
closed connection, and an answer without a document says nothing about the cause.
"""

from __future__ import annotations

from http import HTTPStatus

from s3gw.http.reply import XML
from s3gw.s3.error_document import error_document
from s3gw.telemetry.request_id import host_id, new_request_id
from s3gw.wire.errors import Code, S3Error

_PARSING = "An error occurred when parsing the HTTP request."
_ERRORS: dict[HTTPStatus, tuple[Code, str | None]] = {
    HTTPStatus.INTERNAL_SERVER_ERROR: (Code.InternalError, None),
    HTTPStatus.NOT_IMPLEMENTED: (Code.NotImplemented, None),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (Code.RequestHeaderSectionTooLarge, None),
    HTTPStatus.REQUEST_TIMEOUT: (Code.RequestTimeout, None),
}


def parser_refusal(status: int, problem: str = "") -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers and the body of the answer; the connection is closed after it."""
    code, message = _ERRORS.get(HTTPStatus(status), (Code.BadRequest, _PARSING))
    if message is not None and problem:
        message = f"{message} {problem}"
    request_id = new_request_id()
    body = error_document(S3Error(code, message), request_id)
    headers = {
        "content-type": XML,
        "content-length": str(len(body)),
        "x-amz-request-id": request_id,
        "x-amz-id-2": host_id(request_id),
        "connection": "close",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()], body
