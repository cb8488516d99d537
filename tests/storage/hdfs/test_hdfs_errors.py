"""The one table of foreign errors."""

from __future__ import annotations

import json

import pytest

from storage.backends.hdfs.foreign_errors import (
    AlreadyThere,
    BelowFile,
    NotEmpty,
    Standby,
    of_answer,
)
from storage.backends.hdfs.place import Place
from storage.errors import (
    BackendBusy,
    BackendDenied,
    BackendError,
    BackendUnavailable,
    BucketNotFound,
    NotSupported,
    ObjectNotFound,
    OutOfSpace,
    RangeNotSatisfiable,
    StorageError,
)

PLACE = Place("b", "/b", "a")


def said(name: str, message: str = "") -> bytes:
    return json.dumps({"RemoteException": {"exception": name, "message": message}}).encode()


@pytest.mark.parametrize(
    ("status", "name", "message", "expected"),
    [
        (404, "FileNotFoundException", "", ObjectNotFound),
        (403, "AccessControlException", "Permission denied", BackendDenied),
        (403, "SecurityException", "Failed to obtain user group information", BackendDenied),
        (401, "AuthenticationException", "", BackendDenied),
        (403, "SnapshotException", "", BackendDenied),
        (403, "SafeModeException", "", BackendUnavailable),
        (403, "StandbyException", "", Standby),
        (403, "RetriableException", "", BackendUnavailable),
        (403, "LeaseExpiredException", "", BackendUnavailable),
        (403, "AlreadyBeingCreatedException", "", BackendUnavailable),
        (403, "BlockMissingException", "", BackendUnavailable),
        (403, "NSQuotaExceededException", "", OutOfSpace),
        (403, "DSQuotaExceededException", "", OutOfSpace),
        (403, "QuotaByStorageTypeExceededException", "", OutOfSpace),
        (403, "PathIsNotEmptyDirectoryException", "", NotEmpty),
        (403, "FileAlreadyExistsException", "", AlreadyThere),
        (403, "ParentNotDirectoryException", "", BelowFile),
        (403, "PathComponentTooLongException", "", NotSupported),
        (400, "IllegalArgumentException", "Invalid path name", NotSupported),
        (400, "IllegalArgumentException", "something else", BackendError),
        (400, "UnsupportedOperationException", "", NotSupported),
        (403, "IOException", "Offset=5 out of the range [0, 5); OPEN", RangeNotSatisfiable),
        (403, "IOException", "Failed to find datanode, suggest to check", BackendUnavailable),
        (403, "IOException", "something else", BackendError),
        (500, "RuntimeException", "", BackendUnavailable),
    ],
)
def test_the_class_of_java_decides(
    status: int, name: str, message: str, expected: type[StorageError]
) -> None:
    assert type(of_answer(status, said(name, message), PLACE)) is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, BackendDenied),
        (403, BackendDenied),
        (404, BackendError),
        (429, BackendBusy),
        (500, BackendUnavailable),
        (501, NotSupported),
        (503, BackendBusy),
        (507, OutOfSpace),
    ],
)
def test_without_one_the_status_decides(status: int, expected: type[StorageError]) -> None:
    assert type(of_answer(status, b"<html>", PLACE)) is expected


def test_a_folder_that_is_missing_is_a_bucket() -> None:
    assert type(of_answer(404, said("FileNotFoundException"), Place("b", "/b"))) is BucketNotFound


def test_of_a_long_message_its_first_line_is_shown() -> None:
    error = of_answer(403, said("IOException", "first\nat java.lang"), PLACE)
    assert str(error) == "hdfs://b/a: IOException: first"
    assert len(str(of_answer(403, said("IOException", "x" * 5000), PLACE))) < 400
