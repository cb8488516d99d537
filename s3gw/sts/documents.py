"""Answers of STS as XML documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from s3gw.s3.error_document import speakable
from s3gw.sts.errors import StsError
from s3gw.wire.xmldoc import DECLARATION, TimeNs, document, escape, to_xml

NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: TimeNs


@dataclass(frozen=True)
class AssumedRoleUser:
    assumed_role_id: str
    arn: str


@dataclass(frozen=True)
class ResponseMetadata:
    request_id: str


@dataclass(frozen=True)
class AssumeRoleResult:
    credentials: Credentials
    assumed_role_user: AssumedRoleUser
    packed_policy_size: int | None


@dataclass(frozen=True)
class AssumeRoleWithWebIdentityResult:
    credentials: Credentials
    subject_from_web_identity_token: str
    assumed_role_user: AssumedRoleUser
    packed_policy_size: int | None
    provider: str | None
    audience: str | None


@dataclass(frozen=True)
class GetSessionTokenResult:
    credentials: Credentials


@dataclass(frozen=True)
class GetCallerIdentityResult:
    user_id: str
    account: str
    arn: str


@document("AssumeRoleResponse")
@dataclass(frozen=True)
class AssumeRoleResponse:
    assume_role_result: AssumeRoleResult
    response_metadata: ResponseMetadata


@document("AssumeRoleWithWebIdentityResponse")
@dataclass(frozen=True)
class AssumeRoleWithWebIdentityResponse:
    assume_role_with_web_identity_result: AssumeRoleWithWebIdentityResult
    response_metadata: ResponseMetadata


@document("GetSessionTokenResponse")
@dataclass(frozen=True)
class GetSessionTokenResponse:
    get_session_token_result: GetSessionTokenResult
    response_metadata: ResponseMetadata


@document("GetCallerIdentityResponse")
@dataclass(frozen=True)
class GetCallerIdentityResponse:
    get_caller_identity_result: GetCallerIdentityResult
    response_metadata: ResponseMetadata


Result = (
    AssumeRoleResult
    | AssumeRoleWithWebIdentityResult
    | GetSessionTokenResult
    | GetCallerIdentityResult
)

_RESPONSES: dict[type[Any], type[Any]] = {
    AssumeRoleResult: AssumeRoleResponse,
    AssumeRoleWithWebIdentityResult: AssumeRoleWithWebIdentityResponse,
    GetSessionTokenResult: GetSessionTokenResponse,
    GetCallerIdentityResult: GetCallerIdentityResponse,
}


def response(result: Result, request_id: str) -> bytes:
    whole = _RESPONSES[type(result)](result, ResponseMetadata(request_id))
    return to_xml(whole, NAMESPACE)


def error_response(error: StsError, request_id: str) -> bytes:
    fault = "Receiver" if error.code.status >= 500 else "Sender"
    message = escape(speakable(error.message))
    return (
        f'{DECLARATION}<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{fault}</Type>'
        f"<Code>{error.code.name}</Code><Message>{message}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    ).encode()
