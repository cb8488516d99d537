"""Validity of a signature in time: clock skew and expiry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from s3gw.auth.refusals import refusal
from s3gw.sigv4.query import Presigned
from s3gw.sigv4.scope import Timestamp, parse_date, parse_timestamp
from s3gw.sigv4.v2 import PresignedV2
from s3gw.wire.errors import Code, S3Error

MAX_SKEW_S = 15 * 60

_NO_DATE = "AWS authentication requires a valid Date or x-amz-date header"


def header_timestamp(headers: Mapping[str, str]) -> Timestamp:
    text = headers.get("x-amz-date")
    timestamp = parse_timestamp(text) if text else parse_date(headers.get("date", ""))
    if timestamp is None:
        raise S3Error(Code.AccessDenied, _NO_DATE)
    return timestamp


def check_skew(now_s: int, headers: Mapping[str, str], timestamp: Timestamp) -> None:
    if abs(now_s - timestamp.epoch_s) > MAX_SKEW_S:
        raise S3Error(
            Code.RequestTimeTooSkewed,
            RequestTime=headers.get("x-amz-date") or headers.get("date", ""),
            ServerTime=_iso(now_s),
            MaxAllowedSkewMilliseconds=str(MAX_SKEW_S * 1000),
        )


def check_validity(now_s: int, presigned: Presigned) -> None:
    issued_s = presigned.timestamp.epoch_s
    if issued_s - now_s > MAX_SKEW_S:
        details = {"X-Amz-Date": presigned.timestamp.text, "ServerTime": _iso(now_s)}
        raise refusal(Code.AccessDenied, "Request is not valid yet", details)
    expires_s = issued_s + presigned.expires_s
    if now_s >= expires_s:
        details = {
            "X-Amz-Expires": str(presigned.expires_s),
            "Expires": _iso(expires_s),
            "ServerTime": _iso(now_s),
        }
        raise refusal(Code.AccessDenied, "Request has expired", details)


def check_validity_v2(now_s: int, presigned: PresignedV2) -> None:
    if now_s >= presigned.expires_s:
        details = {"Expires": _iso(presigned.expires_s), "ServerTime": _iso(now_s)}
        raise refusal(Code.AccessDenied, "Request has expired", details)


def _iso(epoch_s: int) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
