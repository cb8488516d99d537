"""The table of STS' errors, and the translation of S3's errors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from types import MappingProxyType

from s3gw.wire.errors import Code, S3Error
from storage.errors import DatabaseUnavailable


@unique
class StsCode(Enum):
    """Spelt as AWS spells them, with their HTTP status and message.

    https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
    """

    AccessDenied = 403, "Access Denied"
    ExpiredToken = 403, "The security token included in the request is expired"
    ExpiredTokenException = 400, "The web identity token has expired"
    IDPCommunicationError = 400, "The identity provider could not be reached"
    IncompleteSignature = 400, "The request signature does not conform to AWS standards."
    InternalFailure = 500, "The request processing has failed because of an unknown error"
    InvalidAction = 400, "The action or operation requested is invalid."
    InvalidClientTokenId = 403, "The security token included in the request is invalid."
    InvalidIdentityToken = 400, "The web identity token could not be validated"
    MalformedInput = 400, "The request is not a query or a form of parameters."
    MalformedPolicyDocument = 400, "The policy is malformed"
    MissingAction = 400, "The request is missing an action or a required parameter."
    MissingAuthenticationToken = 403, "Request is missing Authentication Token"
    PackedPolicyTooLarge = 400, "The session's policy is too large"
    RequestEntityTooLarge = 413, "The request is too large"
    RequestExpired = 400, "The request is too old, or lies in the future."
    ServiceUnavailable = 503, "The request has failed due to a temporary failure of the server."
    SignatureDoesNotMatch = (
        403,
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method.",
    )
    Throttling = 400, "Rate exceeded"
    ValidationError = 400, "The input fails to satisfy the constraints of the service."

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message


class StsError(Exception):
    """A request failed in a way STS has a code for; `headers` go out with it."""

    def __init__(
        self,
        code: StsCode,
        message: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(message or code.message)
        self.code = code
        self.message = message or code.message
        self.headers = headers


# Translation of the errors from reading a head and checking a signature.
FROM_S3: Mapping[Code, StsCode] = {
    Code.AccessDenied: StsCode.IncompleteSignature,
    Code.AuthorizationHeaderMalformed: StsCode.IncompleteSignature,
    Code.AuthorizationQueryParametersError: StsCode.IncompleteSignature,
    Code.BadRequest: StsCode.MalformedInput,
    Code.ExpiredToken: StsCode.ExpiredToken,
    Code.InvalidAccessKeyId: StsCode.InvalidClientTokenId,
    Code.InvalidArgument: StsCode.IncompleteSignature,
    Code.InvalidRequest: StsCode.IncompleteSignature,
    Code.InvalidToken: StsCode.InvalidClientTokenId,
    Code.InvalidURI: StsCode.MalformedInput,
    Code.IncompleteBody: StsCode.MalformedInput,
    Code.NotImplemented: StsCode.MalformedInput,
    Code.RequestHeaderSectionTooLarge: StsCode.RequestEntityTooLarge,
    Code.RequestTimeout: StsCode.MalformedInput,
    Code.RequestTimeTooSkewed: StsCode.RequestExpired,
    Code.SignatureDoesNotMatch: StsCode.SignatureDoesNotMatch,
    Code.SlowDown: StsCode.Throttling,
}
# Codes with S3's message, more precise than STS' own.
_TELLING = frozenset(
    {StsCode.IncompleteSignature, StsCode.InvalidClientTokenId, StsCode.RequestExpired}
)
_UNTELLING = frozenset({Code.InvalidAccessKeyId})


def as_sts_error(error: BaseException) -> StsError:
    """Return the STS error for any exception; unknown ones are an InternalFailure."""
    if isinstance(error, StsError):
        return error
    if isinstance(error, DatabaseUnavailable):
        return StsError(StsCode.ServiceUnavailable)
    if not isinstance(error, S3Error) or error.code not in FROM_S3:
        return StsError(StsCode.InternalFailure)
    code = FROM_S3[error.code]
    tells = code in _TELLING and error.code not in _UNTELLING
    return StsError(code, error.message if tells else None, error.headers)
