"""The one table of foreign errors."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest

from storage.backends.azure.foreign_errors import of_answer
from storage.backends.azure.place import Place
from storage.backends.connections import FOREIGN, translated
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketExists,
    BucketNotFound,
    NotSupported,
    ObjectLocked,
    ObjectNotFound,
    PreconditionFailed,
    RangeNotSatisfiable,
    StorageError,
)

PLACE = Place("bucket", "a/b", upload_id="u", part=3)
BUCKET = Place("bucket")


def answer(
    status: int,
    code: str,
    place: Place = PLACE,
    message: str = "",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> StorageError:
    text = (
        f'\ufeff<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    )
    return of_answer(status, headers, text.encode() if code else b"", place)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "BlobNotFound", ObjectNotFound),
        (404, "ResourceNotFound", ObjectNotFound),
        (404, "ContainerNotFound", BucketNotFound),
        (404, "ContainerDisabled", BucketNotFound),
        (409, "ContainerBeingDeleted", BucketNotFound),
        (409, "ContainerAlreadyExists", BucketExists),
        (409, "BlobAlreadyExists", PreconditionFailed),
        (412, "ConditionNotMet", PreconditionFailed),
        (412, "TargetConditionNotMet", PreconditionFailed),
        (412, "LeaseIdMissing", BackendDenied),
        (412, "LeaseLost", BackendDenied),
        (409, "LeaseAlreadyPresent", BackendDenied),
        (409, "BlobImmutableDueToPolicy", ObjectLocked),
        (416, "InvalidRange", RangeNotSatisfiable),
        (403, "AuthenticationFailed", BackendDenied),
        (403, "AuthorizationFailure", BackendDenied),
        (403, "AuthorizationPermissionMismatch", BackendDenied),
        (403, "AccountIsDisabled", BackendDenied),
        (403, "KeyBasedAuthenticationNotPermitted", BackendDenied),
        (401, "NoAuthenticationInformation", BackendDenied),
        (400, "InvalidAuthenticationInfo", BackendDenied),
        (409, "PublicAccessNotPermitted", BackendDenied),
        (503, "ServerBusy", BackendBusy),
        (500, "InternalError", BackendUnavailable),
        (500, "OperationTimedOut", BackendUnavailable),
        (400, "Md5Mismatch", BackendUnavailable),
        (429, "TooManyRequests", BackendBusy),
        (507, "Whatever", BackendUnavailable),
        (501, "NotImplemented", NotSupported),
        (409, "InvalidBlobType", NotSupported),
        (409, "FeatureNotSupportedForAccount", NotSupported),
        (409, "BlobArchived", BackendError),
        (409, "SnapshotsPresent", BackendDenied),
        (400, "MetadataTooLarge", BackendError),
        (400, "InvalidMetadata", BackendError),
        (413, "RequestBodyTooLarge", BackendError),
        (400, "InvalidBlockList", BackendError),
        (400, "InvalidHeaderValue", BackendError),
        (505, "HttpVersionNotSupported", BackendError),
    ],
)
def test_an_answer_is_known_by_its_code(status: int, code: str, kind: type[StorageError]) -> None:
    assert type(answer(status, code)) is kind
    assert type(answer(status, "", headers={"x-ms-error-code": code})) is kind


@pytest.mark.parametrize(
    ("status", "place", "kind"),
    [
        (401, PLACE, BackendDenied),
        (403, PLACE, BackendDenied),
        (404, PLACE, ObjectNotFound),
        (404, BUCKET, BucketNotFound),
        (412, PLACE, PreconditionFailed),
        (416, PLACE, RangeNotSatisfiable),
        (418, PLACE, BackendError),
        (429, PLACE, BackendBusy),
        (502, PLACE, BackendUnavailable),
    ],
)
def test_an_answer_without_a_code_is_known_by_its_status(
    status: int, place: Place, kind: type[StorageError]
) -> None:
    assert type(answer(status, "", place)) is kind
    assert type(of_answer(status, {}, b"<html>of a proxy</html>", place)) is kind


def test_a_missing_resource_is_the_smallest_that_was_named() -> None:
    assert isinstance(answer(404, "ResourceNotFound", BUCKET), BucketNotFound)


@pytest.mark.parametrize(("said", "size"), [({"content-range": "bytes */7"}, 7), ({}, -1)])
def test_a_range_has_the_size_if_azure_says_it(said: dict[str, str], size: int) -> None:
    error = answer(416, "InvalidRange", headers=said)
    assert isinstance(error, RangeNotSatisfiable)
    assert error.size == size


def test_a_condition_is_the_one_that_the_request_had() -> None:
    error = answer(412, "ConditionNotMet", Place("bucket", "a", condition="If-None-Match"))
    assert isinstance(error, PreconditionFailed)
    assert error.condition == "If-None-Match"


def _key(host: str) -> Any:
    return aiohttp.client_reqrep.ConnectionKey(host, 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ClientPayloadError("http://x/?sig=secret"), BackendUnavailable),
        (aiohttp.ServerDisconnectedError("http://x/?sig=secret"), BackendUnavailable),
        (aiohttp.ClientConnectorError(_key("h"), OSError(1, "sig=secret")), BackendUnavailable),
        (aiohttp.SocketTimeoutError("sig=secret"), BackendUnavailable),
        (TimeoutError(), BackendUnavailable),
        (ConnectionResetError("sig=secret"), BackendUnavailable),
        (aiohttp.ClientConnectorSSLError(_key("h"), ssl.SSLError(1, "x")), BackendError),
        (aiohttp.InvalidURL("http://x/?sig=secret"), BackendError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_an_exception_of_a_library_is_known_by_its_class_and_says_no_more(
    error: Exception, kind: type[StorageError]
) -> None:
    assert isinstance(error, FOREIGN)
    found = translated(error, PLACE)
    assert type(found) is kind
    assert str(found) == f"azure://bucket/a/b: {type(error).__name__}"


def test_a_sentence_of_azure_is_kept_to_the_end_of_its_first_line() -> None:
    message = "The value is odd.\nRequestId:1234\nTime:2026-12-01"
    error = answer(400, "InvalidHeaderValue", message=message)
    assert str(error) == "azure://bucket/a/b: InvalidHeaderValue: The value is odd."
    assert len(str(answer(400, "Odd", message="x" * 1000))) < 400


def test_of_refused_credentials_the_sentence_is_left_out() -> None:
    message = "The MAC signature found is not 'c2VjcmV0'. Server used following string to sign: GET"
    assert str(answer(403, "AuthenticationFailed", message=message)) == (
        "azure://bucket/a/b: AuthenticationFailed"
    )
