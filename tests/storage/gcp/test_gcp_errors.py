"""The one table of foreign errors."""

from __future__ import annotations

import json

import aiohttp
import pytest
from google.auth import exceptions as google

from storage.backends.gcp.foreign_errors import FOREIGN, refusal, translated
from storage.backends.gcp.place import Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketExists,
    BucketNotEmpty,
    BucketNotFound,
    NotSupported,
    ObjectLocked,
    ObjectNotFound,
    PartNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
    UploadNotFound,
    VersionNotFound,
)

OBJECT = Place("bucket", "a/b")
BUCKET = Place("bucket")
UPLOAD = Place("bucket", "a/b", upload_id="u", part=3)


def as_json(status: int, reason: str, message: str = "") -> bytes:
    errors = [{"domain": "global", "reason": reason, "message": message}]
    error = {"code": status, "message": message, "errors": errors}
    return json.dumps({"error": error}).encode()


def as_xml(code: str, message: str = "") -> bytes:
    text = f"<Code>{code}</Code><Message>{message}</Message>"
    return f"<?xml version='1.0' encoding='UTF-8'?><Error>{text}</Error>".encode()


@pytest.mark.parametrize(
    ("status", "reason", "message", "place", "kind"),
    [
        (404, "notFound", "The specified bucket does not exist.", OBJECT, BucketNotFound),
        (404, "notFound", "No such object: bucket/a/b", OBJECT, ObjectNotFound),
        (404, "notFound", "Not Found", OBJECT, ObjectNotFound),
        (404, "notFound", "No such object", Place("bucket", "a", "7"), VersionNotFound),
        (404, "notFound", "Not Found", BUCKET, BucketNotFound),
        (400, "invalid", "Invalid bucket name: 'A'", BUCKET, BucketNotFound),
        (409, "conflict", "You already own this bucket.", BUCKET, BucketExists),
        (409, "conflict", "The bucket you tried to delete is not empty.", BUCKET, BucketNotEmpty),
        (409, "conflict", "Conflicting operation.", OBJECT, BackendUnavailable),
        (412, "conditionNotMet", "", OBJECT, PreconditionFailed),
        (416, "requestedRangeNotSatisfiable", "", OBJECT, RangeNotSatisfiable),
        (401, "authError", "Invalid Credentials", OBJECT, BackendDenied),
        (401, "required", "Anonymous caller does not have access.", OBJECT, BackendDenied),
        (403, "forbidden", "", OBJECT, BackendDenied),
        (403, "accountDisabled", "", OBJECT, BackendDenied),
        (403, "insufficientPermissions", "", OBJECT, BackendDenied),
        (403, "rateLimitExceeded", "", OBJECT, BackendBusy),
        (403, "userRateLimitExceeded", "", OBJECT, BackendBusy),
        (403, "retentionPolicyNotMet", "", OBJECT, ObjectLocked),
        (403, "objectUnderActiveHold", "", OBJECT, ObjectLocked),
        (408, "requestTimeout", "", OBJECT, BackendUnavailable),
        (410, "gone", "", OBJECT, BackendUnavailable),
        (429, "rateLimitExceeded", "", OBJECT, BackendBusy),
        (500, "backendError", "", OBJECT, BackendUnavailable),
        (501, "notImplemented", "", OBJECT, NotSupported),
        (503, "backendError", "", OBJECT, BackendBusy),
        (400, "invalid", "Disallowed name", OBJECT, BackendError),
        (413, "uploadTooLarge", "", OBJECT, BackendError),
    ],
)
def test_an_answer_of_the_json_api_is_known_by_its_reason_and_else_by_its_status(
    status: int, reason: str, message: str, place: Place, kind: type[StorageError]
) -> None:
    assert type(refusal(status, as_json(status, reason, message), place).error) is kind


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchBucket", BucketNotFound),
        (404, "NoSuchKey", ObjectNotFound),
        (404, "NoSuchUpload", UploadNotFound),
        (400, "InvalidPart", PartNotFound),
        (400, "InvalidBucketName", BucketNotFound),
        (409, "BucketNotEmpty", BucketNotEmpty),
        (409, "BucketAlreadyExists", BucketExists),
        (412, "PreconditionFailed", PreconditionFailed),
        (403, "AccessDenied", BackendDenied),
        (401, "AuthenticationRequired", BackendDenied),
        (400, "ExpiredToken", BackendDenied),
        (429, "SlowDown", BackendBusy),
        (503, "ServiceUnavailable", BackendBusy),
        (500, "InternalError", BackendUnavailable),
        (400, "EntityTooSmall", BackendError),
    ],
)
def test_an_answer_of_the_xml_api_is_known_by_its_code_and_else_by_its_status(
    status: int, code: str, kind: type[StorageError]
) -> None:
    assert type(refusal(status, as_xml(code), UPLOAD).error) is kind


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"No such object: bucket/a/b", ObjectNotFound),
        (b"", ObjectNotFound),
        (b"{", ObjectNotFound),
        (b'{"error": "invalid_grant"}', ObjectNotFound),
        (b"<html", ObjectNotFound),
        (b"\xff\xfe", ObjectNotFound),
    ],
)
def test_an_answer_of_any_shape_is_known_by_its_status(
    content: bytes, kind: type[StorageError]
) -> None:
    assert type(refusal(404, content, OBJECT).error) is kind


def test_what_leaves_open_what_is_missing_says_so() -> None:
    assert refusal(404, as_json(404, "notFound", "Not Found"), OBJECT).is_vague
    assert not refusal(404, as_json(404, "notFound", "No such object: x"), OBJECT).is_vague
    assert not refusal(404, as_xml("NoSuchKey"), OBJECT).is_vague


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (google.DefaultCredentialsError("/secret/path"), BackendDenied),
        (google.MalformedError("x"), BackendDenied),
        (google.RefreshError("invalid_grant: x", {"error": "invalid_grant"}), BackendDenied),
        (google.RefreshError("x", retryable=True), BackendUnavailable),
        (google.TransportError("http://h/"), BackendUnavailable),
        (aiohttp.ClientPayloadError(), BackendUnavailable),
        (aiohttp.ServerDisconnectedError(), BackendUnavailable),
        (aiohttp.ServerTimeoutError(), BackendUnavailable),
        (aiohttp.InvalidURL("http://u:p@h/"), BackendError),
        (TimeoutError(), BackendUnavailable),
        (ConnectionResetError(), BackendUnavailable),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_an_exception_of_a_library_is_known_by_its_class(
    error: Exception, kind: type[StorageError]
) -> None:
    assert isinstance(error, FOREIGN)
    found = translated(error, OBJECT)
    assert type(found) is kind
    assert "gcp://bucket/a/b" in str(found)
    assert "http" not in str(found)
    assert "secret" not in str(found)


def test_credentials_that_are_refused_name_their_variable_and_the_reason() -> None:
    error = google.RefreshError("x", {"error": "invalid_grant", "error_description": "y"})
    text = str(translated(error, OBJECT))
    assert "GOOGLE_APPLICATION_CREDENTIALS" in text
    assert "invalid_grant" in text


def test_a_sentence_of_the_cloud_is_kept_without_secrets_and_not_too_long() -> None:
    message = "Odd token ya29.a0-b_c.d of me@p.iam.gserviceaccount.com. " + "x" * 1000
    text = str(refusal(400, as_json(400, "invalid", message), OBJECT).error)
    assert text.startswith("gcp://bucket/a/b: invalid: Odd token ... of .... x")
    assert len(text) < 400
