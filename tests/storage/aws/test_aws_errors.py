"""The one table of foreign errors."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from botocore import exceptions as botocore

from storage.backends.aws.foreign_errors import FOREIGN, by_code, translated
from storage.backends.aws.place import Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    Corrupt,
    NotSupported,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
    UploadNotFound,
    VersionNotFound,
    WriteConflict,
)

PLACE = Place("bucket", "a/b", version="v", upload_id="u", part=3)


def answer(status: int, code: str, message: str = "", **error: Any) -> botocore.ClientError:
    said = {"Code": code, "Message": message, **error}
    meta = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    return botocore.ClientError({"Error": said, "ResponseMetadata": meta}, "GetObject")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchBucket", BucketNotFound),
        (400, "InvalidBucketName", BucketNotFound),
        (404, "NoSuchKey", ObjectNotFound),
        (404, "404", ObjectNotFound),
        (404, "NoSuchVersion", VersionNotFound),
        (404, "NoSuchUpload", UploadNotFound),
        (400, "InvalidPart", PartNotFound),
        (416, "InvalidPartNumber", PartNotFound),
        (409, "BucketNotEmpty", BucketNotEmpty),
        (409, "BucketAlreadyExists", BucketExists),
        (409, "BucketAlreadyOwnedByYou", BucketExists),
        (409, "ConditionalRequestConflict", WriteConflict),
        (409, "OperationAborted", BackendUnavailable),
        (412, "PreconditionFailed", PreconditionFailed),
        (412, "412", PreconditionFailed),
        (501, "NotImplemented", NotSupported),
        (401, "401", BackendDenied),
        (403, "403", BackendDenied),
        (403, "AccessDenied", BackendDenied),
        (400, "ExpiredToken", BackendDenied),
        (400, "RequestTimeout", BackendUnavailable),
        (429, "Whatever", BackendBusy),
        (500, "InternalError", BackendUnavailable),
        (503, "503", BackendBusy),
        (504, "GatewayTimeout", BackendUnavailable),
        (400, "EntityTooSmall", BackendError),
        (403, "InvalidObjectState", BackendError),
        (507, "InsufficientStorage", BackendUnavailable),
    ],
)
def test_an_answer_is_known_by_its_code_and_else_by_its_status(
    status: int, code: str, kind: type[StorageError]
) -> None:
    assert type(translated(answer(status, code), PLACE)) is kind


def test_a_missing_thing_without_a_code_is_the_smallest_that_was_named() -> None:
    assert isinstance(translated(answer(404, "404"), Place("bucket")), BucketNotFound)


@pytest.mark.parametrize(("said", "size"), [({"ActualObjectSize": "7"}, 7), ({}, -1)])
def test_a_range_has_the_size_if_s3_says_it(said: dict[str, str], size: int) -> None:
    error = translated(answer(416, "InvalidRange", **said), Place("bucket", "a"))
    assert isinstance(error, RangeNotSatisfiable)
    assert error.size == size


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (botocore.NoCredentialsError(), BackendDenied),
        (botocore.PartialCredentialsError(provider="env", cred_var="x"), BackendDenied),
        (botocore.CredentialRetrievalError(provider="p", error_msg="e"), BackendDenied),
        (botocore.EndpointConnectionError(endpoint_url="http://u:p@h/"), BackendUnavailable),
        (botocore.ConnectTimeoutError(endpoint_url="http://h/"), BackendUnavailable),
        (botocore.ReadTimeoutError(endpoint_url="http://h/"), BackendUnavailable),
        (botocore.ConnectionClosedError(endpoint_url="http://h/"), BackendUnavailable),
        (botocore.ProxyConnectionError(proxy_url="http://u:p@h/"), BackendUnavailable),
        (botocore.HTTPClientError(error="x"), BackendUnavailable),
        (botocore.ResponseStreamingError(error="x"), BackendUnavailable),
        (botocore.IncompleteReadError(actual_bytes=1, expected_bytes=2), BackendUnavailable),
        (botocore.SSLError(endpoint_url="https://h/", error=OSError()), BackendError),
        (botocore.ParamValidationError(report="x"), BackendError),
        (botocore.FlexibleChecksumError(error_msg="x"), Corrupt),
        (aiohttp.ClientPayloadError(), BackendUnavailable),
        (TimeoutError(), BackendUnavailable),
        (ConnectionResetError(), BackendUnavailable),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_an_exception_of_a_library_is_known_by_its_class(
    error: Exception, kind: type[StorageError]
) -> None:
    assert isinstance(error, FOREIGN)
    found = translated(error, PLACE)
    assert type(found) is kind
    assert "aws://bucket/a/b" in str(found)
    assert "http" not in str(found)


def test_a_sentence_of_s3_is_kept_without_keys_and_not_too_long() -> None:
    error = by_code("Odd", "The key AKIAABCDEFGHIJKLMNOP is odd. " + "x" * 1000, PLACE)
    assert str(error).startswith("aws://bucket/a/b: Odd: The key ... is odd. x")
    assert len(str(error)) < 400
