"""The table of S3's errors, and the translation of storage errors."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from enum import Enum, unique

from storage import errors as storage


@unique
class Code(Enum):
    """S3 error codes, spelt as AWS spells them, with their HTTP status and message.

    https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """

    AccessControlListNotSupported = 400, "The bucket does not allow ACLs"
    AccessDenied = 403, "Access Denied"
    AccessForbidden = 403, "Access Forbidden"
    AmbiguousGrantByEmailAddress = (
        400,
        "The e-mail address you provided is associated with more than one account.",
    )
    AuthorizationHeaderMalformed = 400, "The authorization header is malformed."
    AuthorizationQueryParametersError = 400, "The authorization query parameters are malformed."
    BadDigest = 400, "The digest you specified did not match what we received."
    BadRequest = 400, "Bad Request"
    BucketAlreadyExists = 409, "The requested bucket name is not available."
    BucketAlreadyOwnedByYou = (
        409,
        "Your previous request to create the named bucket succeeded and you already own it.",
    )
    BucketNotEmpty = 409, "The bucket you tried to delete is not empty"
    ConditionalRequestConflict = (
        409,
        "The conditional request cannot succeed due to a conflicting operation against this "
        "resource.",
    )
    EntityTooLarge = 400, "Your proposed upload exceeds the maximum allowed size"
    EntityTooSmall = 400, "Your proposed upload is smaller than the minimum allowed size"
    ExpiredToken = 400, "The provided token has expired."
    IllegalVersioningConfigurationException = (
        400,
        "The Versioning element must be specified",
    )
    IncompleteBody = 400, "You did not provide the number of bytes specified by Content-Length."
    InsufficientStorage = 507, "There is not enough free space to store this object."
    InternalError = 500, "We encountered an internal error. Please try again."
    InvalidAccessKeyId = (
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    )
    InvalidArgument = 400, "Invalid Argument"
    InvalidBucketAclWithBlockPublicAccessError = (
        400,
        "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
    )
    InvalidBucketAclWithObjectOwnership = (
        400,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    )
    InvalidBucketOwnerAWSAccountID = (
        400,
        "The value of the expected bucket owner parameter must be an AWS Account ID...",
    )
    InvalidBucketName = 400, "The specified bucket is not valid."
    InvalidBucketState = 409, "The request is not valid with the current state of the bucket."
    InvalidDigest = 400, "The Content-MD5 you specified was invalid."
    InvalidEncryptionAlgorithmError = (
        400,
        "The Encryption request you specified is not valid. Supported value: AES256.",
    )
    InvalidLocationConstraint = 400, "The specified location-constraint is not valid"
    InvalidObjectState = 403, "The operation is not valid for the object's storage class"
    InvalidPart = (
        400,
        "One or more of the specified parts could not be found.  The part may not have been "
        "uploaded, or the specified entity tag may not match the part's entity tag.",
    )
    InvalidPartNumber = 416, "The requested partnumber is not satisfiable"
    InvalidPartOrder = (
        400,
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
    )
    InvalidPolicyDocument = (
        400,
        "The content of the form does not meet the conditions specified in the policy document.",
    )
    InvalidRange = 416, "The requested range is not satisfiable"
    InvalidRedirectLocation = (
        400,
        "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
    )
    InvalidRequest = 400, "Invalid Request"
    InvalidRetentionPeriod = 400, "The retention period specified is invalid."
    InvalidStorageClass = 400, "The storage class you specified is not valid"
    InvalidTag = 400, "The tag provided was not a valid tag."
    InvalidTargetBucketForLogging = (
        400,
        "The owner for the bucket to be logged and the target bucket must be the same, and the "
        "target bucket's policy must let the logs in.",
    )
    InvalidToken = 400, "The provided token is malformed or otherwise invalid."
    InvalidURI = 400, "Couldn't parse the specified URI."
    KMSNotFoundException = 400, "The request was rejected because the key could not be found."
    KeyTooLongError = 400, "Your key is too long"
    MalformedACLError = (
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
    MalformedPOSTRequest = (
        400,
        "The body of your POST request is not well-formed multipart/form-data.",
    )
    MalformedPolicy = 400, "Policies must be valid JSON and the first byte must be '{'"
    MalformedTrailerError = (
        400,
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema.",
    )
    MalformedXML = (  # noqa: PIE796 as the one above
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
    MaxMessageLengthExceeded = 400, "Your request was too big."
    MaxPostPreDataLengthExceededError = (
        400,
        "Your POST request fields preceding the upload file were too large.",
    )
    MetadataConfigurationNotFound = 404, "The metadata table configuration does not exist."
    MetadataTooLarge = 400, "Your metadata headers exceed the maximum allowed metadata size"
    MethodNotAllowed = 405, "The specified method is not allowed against this resource."
    MissingContentLength = 411, "You must provide the Content-Length HTTP header."
    MissingRequestBodyError = 400, "Request Body is empty"
    MissingSecurityHeader = 400, "Your request was missing a required header"
    NoSuchBucket = 404, "The specified bucket does not exist"
    NoSuchBucketPolicy = 404, "The bucket policy does not exist"
    NoSuchCORSConfiguration = 404, "The CORS configuration does not exist"
    NoSuchConfiguration = 404, "The specified configuration does not exist."
    NoSuchKey = 404, "The specified key does not exist."
    NoSuchLifecycleConfiguration = 404, "The lifecycle configuration does not exist"
    NoSuchObjectLockConfiguration = (
        404,
        "The specified object does not have a ObjectLock configuration",
    )
    NoSuchPublicAccessBlockConfiguration = (
        404,
        "The public access block configuration was not found",
    )
    NoSuchTagSet = 404, "The TagSet does not exist"
    NoSuchUpload = (
        404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed.",
    )
    NoSuchVersion = 404, "The specified version does not exist."
    NoSuchWebsiteConfiguration = (
        404,
        "The specified bucket does not have a website configuration",
    )
    NotImplemented = 501, "A header you provided implies functionality that is not implemented"
    ObjectLockConfigurationNotFoundError = (
        404,
        "Object Lock configuration does not exist for this bucket",
    )
    OperationAborted = 409, "A conflicting operation is in progress. Try again."
    OwnershipControlsNotFoundError = 404, "The bucket ownership controls were not found"
    PreconditionFailed = 412, "At least one of the pre-conditions you specified did not hold"
    ReplicationConfigurationNotFoundError = 404, "The replication configuration was not found"
    RequestTimeTooSkewed = (
        403,
        "The difference between the request time and the server's time is too large.",
    )
    RequestHeaderSectionTooLarge = (
        400,
        "Your request header section exceeds the maximum allowed size.",
    )
    RequestTimeout = (
        400,
        "Your socket connection to the server was not read from or written to in time.",
    )
    ServerSideEncryptionConfigurationNotFoundError = (
        404,
        "The server side encryption configuration was not found",
    )
    SignatureDoesNotMatch = (
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    )
    TooManyRequests = 429, "Too many batches wait for memory: send fewer of them at a time."
    SlowDown = 503, "Please reduce your request rate: too many attempts to authenticate failed."
    ServiceUnavailable = 503, "The bucket's backend cannot be reached. Please try again later."
    UnexpectedContent = 400, "This request does not support content"
    UnresolvableGrantByEmailAddress = (
        400,
        "The e-mail address you provided does not match any account on record.",
    )
    XAmzContentSHA256Mismatch = (
        400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )

    def __new__(cls, status: int, message: str) -> Code:
        """Give each code a value of its own: some have the status and the text of another."""
        member = object.__new__(cls)
        member._value_ = len(cls.__members__)
        return member

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message

    @property
    def wire(self) -> str:
        """The code as sent; errors of other AWS services begin with the service's name."""
        return self.name.replace("KMS", "KMS.") if self.name.startswith("KMS") else self.name


class S3Error(Exception):
    """A request failed in a way S3 has a code for.

    `details` become child elements of the XML error; `headers` go out with it.
    """

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **details: str,
    ) -> None:
        self.message = code.message if message is None else message
        super().__init__(self.message)
        self.code = code
        self.headers: Mapping[str, str] = headers or {}
        self.details: Mapping[str, str] = details


FROM_STORAGE: Mapping[type[storage.StorageError], Code] = {
    storage.AddressRefused: Code.AccessDenied,
    storage.AmbiguousBucket: Code.InvalidRequest,
    storage.BackendBusy: Code.SlowDown,
    storage.BackendDenied: Code.AccessDenied,
    storage.BackendError: Code.InvalidRequest,
    storage.BackendUnavailable: Code.ServiceUnavailable,
    storage.BucketExists: Code.BucketAlreadyExists,
    storage.BucketNotEmpty: Code.BucketNotEmpty,
    storage.BucketNotFound: Code.NoSuchBucket,
    storage.ClusterNotAttached: Code.NoSuchBucket,
    storage.Corrupt: Code.InternalError,
    storage.DeleteMarkerFound: Code.NoSuchKey,
    storage.DeviceFailed: Code.InternalError,
    storage.DatabaseUnavailable: Code.SlowDown,
    storage.KeyRequired: Code.InvalidRequest,
    storage.LengthUnknown: Code.InvalidRequest,
    storage.MalformedArchive: Code.InvalidRequest,
    storage.MemberNotFound: Code.NoSuchKey,
    storage.NotAnArchive: Code.InvalidRequest,
    storage.NotSupported: Code.NotImplemented,
    storage.ObjectChanged: Code.ConditionalRequestConflict,
    storage.ObjectLocked: Code.AccessDenied,
    storage.ObjectNotFound: Code.NoSuchKey,
    storage.OutOfSpace: Code.InsufficientStorage,
    storage.PartNotFound: Code.InvalidPartNumber,
    storage.PreconditionFailed: Code.PreconditionFailed,
    storage.RangeNotSatisfiable: Code.InvalidRange,
    storage.UploadNotFound: Code.NoSuchUpload,
    storage.VersionNotFound: Code.NoSuchVersion,
    storage.WriteConflict: Code.ConditionalRequestConflict,
}

# S3's element for the subject of an error.
_NAMES: Mapping[type[BaseException], str] = {
    storage.BucketExists: "BucketName",
    storage.BucketNotEmpty: "BucketName",
    storage.BucketNotFound: "BucketName",
    storage.MemberNotFound: "Key",
    storage.ObjectNotFound: "Key",
    storage.UploadNotFound: "UploadId",
    storage.VersionNotFound: "VersionId",
}

_SERVER_ERRORS = 500
_LOCKED = "Access Denied because object protected by object lock."
_NO_DATABASE = "The cluster's database cannot be reached. Please try again later."
_CORRUPT = "The object is damaged on this server's disk: its checksum does not match."


def as_s3_error(error: BaseException) -> S3Error:
    """Return the S3 error for any exception; unknown ones are an InternalError."""
    match error:
        case S3Error():
            return error
        case storage.RangeNotSatisfiable(size=size):
            return S3Error(
                Code.InvalidRange,
                headers={"Content-Range": f"bytes */{size}"},
                ActualObjectSize=str(size),
            )
        case storage.PreconditionFailed(condition=condition):
            return S3Error(Code.PreconditionFailed, Condition=condition)
        case storage.WriteConflict(condition=condition):
            return S3Error(Code.ConditionalRequestConflict, Condition=condition, Key=str(error))
        case storage.DeleteMarkerFound():
            return _delete_marker(error)
        case storage.ObjectLocked():
            return S3Error(Code.AccessDenied, _LOCKED)
        case storage.AmbiguousBucket() | storage.NotAnArchive() | storage.MalformedArchive():
            return S3Error(Code.InvalidRequest, f"{error}.")
        case storage.BackendError():
            return S3Error(_of_backend(error), f"{error}.")
        case storage.NotSupported():
            return S3Error(Code.NotImplemented, f"Not supported: {error}.")
        case storage.PartNotFound(number=number, count=count):
            return S3Error(
                Code.InvalidPartNumber,
                ActualPartCount=str(count),
                PartNumberRequested=str(number),
            )
        case storage.Corrupt():
            return S3Error(Code.InternalError, _CORRUPT)
        case storage.DatabaseUnavailable():
            return S3Error(Code.SlowDown, _NO_DATABASE, headers={"Retry-After": "1"})
    for kind in type(error).__mro__:
        if kind in FROM_STORAGE:
            return S3Error(FROM_STORAGE[kind], headers=None, **_named(kind, error))
    return S3Error(Code.InternalError)


def _of_backend(error: storage.BackendError) -> Code:
    """Return the code of a refusal. A backend that speaks S3 has codes of its own, of which those
    that blame the request are passed on."""
    if type(error) is storage.BackendError and error.code in Code.__members__:
        code = Code[error.code]
        return code if code.status < _SERVER_ERRORS else Code.ServiceUnavailable
    return FROM_STORAGE[type(error)]


def _delete_marker(error: storage.DeleteMarkerFound) -> S3Error:
    """Return NoSuchKey for a deleted object, and MethodNotAllowed for the marker itself."""
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": error.version}
    if not error.named:
        return S3Error(Code.NoSuchKey, headers=headers, Key=str(error))
    modified = formatdate(error.modified_ns // 1_000_000_000, usegmt=True)
    headers |= {"Last-Modified": modified, "Allow": "DELETE"}
    return S3Error(Code.MethodNotAllowed, headers=headers, ResourceType="DeleteMarker")


def _named(kind: type[BaseException], error: BaseException) -> dict[str, str]:
    """Return the element with the bucket, key or upload: storage errors have the name."""
    element = _NAMES.get(kind)
    return {element: str(error)} if element and str(error) else {}
