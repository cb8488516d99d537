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
    IdMismatch = 400, "Document ID does not match the specified configuration ID."
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
    InvalidS3DestinationBucket = 400, "Invalid bucket ARN."
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
    TransformationFailed = 422, "The object could not be transformed."
    TooManyConfigurations = (
        400,
        "You are attempting to create a new configuration but have already reached the "
        "1,000-configuration limit.",
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

    # S3 Select's.
    AmbiguousFieldName = (
        400,
        "Field name matches to multiple fields in the file. Check the SQL expression and the "
        "file, and try again.",
    )
    CastFailed = (
        400,
        "Attempt to convert from one data type to another using CAST failed in the SQL expression.",
    )
    CSVParsingError = (
        400,
        "Encountered an error parsing the CSV file. Check the file and try again.",
    )
    EmptyRequestBody = 400, "Request body cannot be empty."
    EvaluatorBindingDoesNotExist = (
        400,
        "A column name or a path provided does not exist in the SQL expression.",
    )
    EvaluatorInvalidArguments = (
        400,
        "Incorrect number of arguments in the function call in the SQL expression.",
    )
    EvaluatorInvalidTimestampFormatPatternSymbol = (
        400,
        "Time stamp format pattern contains an invalid symbol in the SQL expression.",
    )
    EvaluatorNegativeLimit = 400, "The value of LIMIT in the SQL expression must not be negative."
    EvaluatorUnterminatedTimestampFormatPatternToken = (
        400,
        "Time stamp format pattern contains unterminated token in the SQL expression.",
    )
    ExpressionTooLong = (
        400,
        "The SQL expression is too long: The maximum byte-length for the SQL expression is 256 KB.",
    )
    IncorrectSqlFunctionArgumentType = 400, "Incorrect type of arguments in function call."
    IntegerOverflow = 400, "Integer overflow or underflow in the SQL expression."
    InvalidCast = (  # noqa: PIE796 another code has the text
        400,
        "Attempt to convert from one data type to another using CAST failed in the SQL expression.",
    )
    InvalidColumnIndex = 400, "Column index in the SQL expression is invalid."
    InvalidCompressionFormat = (
        400,
        "The file is not in a supported compression format. Only GZIP and BZIP2 are supported.",
    )
    InvalidDataSource = 400, "Invalid data source type. Only CSV, JSON, and Parquet are supported."
    InvalidExpressionType = (
        400,
        "The ExpressionType is invalid. Only SQL expressions are supported.",
    )
    InvalidFileHeaderInfo = (
        400,
        "The FileHeaderInfo is invalid. Only NONE, USE, and IGNORE are supported.",
    )
    InvalidJsonType = 400, "The JsonType is invalid. Only DOCUMENT and LINES are supported."
    InvalidQuoteFields = 400, "The QuoteFields is invalid. Only ALWAYS and ASNEEDED are supported."
    InvalidRequestParameter = (
        400,
        "The value of a parameter in SelectRequest element is invalid. Check the service API "
        "documentation and try again.",
    )
    InvalidScanRange = (
        400,
        "The value of a parameter in ScanRange element is invalid. Check the service API "
        "documentation and try again.",
    )
    InvalidTableAlias = 400, "The SQL expression contains an invalid table alias."
    InvalidTextEncoding = 400, "Invalid encoding type. Only UTF-8 encoding is supported."
    JSONParsingError = (
        400,
        "Encountered an error parsing the JSON file. Check the file and try again.",
    )
    LexerInvalidChar = 400, "The SQL expression contains an invalid character."
    LexerInvalidLiteral = 400, "The SQL expression contains an invalid literal."
    LikeInvalidInputs = 400, "Invalid argument given to the LIKE clause in the SQL expression."
    MissingRequiredParameter = (
        400,
        "The SelectRequest entity is missing a required parameter. Check the service "
        "documentation and try again.",
    )
    MultipleDataSourcesUnsupported = 400, "Multiple data sources are not supported."
    ObjectSerializationConflict = (
        400,
        "InputSerialization specifies more than one format (CSV, JSON, or Parquet), or "
        "OutputSerialization specifies more than one format (CSV or JSON). InputSerialization"
        " and OutputSerialization can only specify one format each.",
    )
    OverMaxColumn = (
        400,
        "The number of columns in the result is greater than the maximum allowable number of "
        "columns.",
    )
    OverMaxRecordSize = (
        400,
        "The length of a record in the input or result is greater than maxCharsPerRecord of 1 MB.",
    )
    ParquetParsingError = (
        400,
        "Encountered an error parsing the Parquet file. Check the file and try again.",
    )
    ParseAsteriskIsNotAloneInSelectList = (
        400,
        "Other expressions are not allowed in the SELECT list when '*' is used without dot "
        "notation in the SQL expression.",
    )
    ParseEmptySelect = 400, "The SQL expression contains an empty SELECT."
    ParseExpectedArgumentDelimiter = (
        400,
        "Did not find the expected argument delimiter in the SQL expression.",
    )
    ParseExpectedDatePart = 400, "Did not find the expected date part in the SQL expression."
    ParseExpectedIdentForAlias = (
        400,
        "Did not find the expected identifier for the alias in the SQL expression.",
    )
    ParseExpectedKeyword = 400, "Did not find the expected keyword in the SQL expression."
    ParseExpectedLeftParenBuiltinFunctionCall = (
        400,
        "Did not find the expected left parenthesis in the SQL expression.",
    )
    ParseExpectedLeftParenValueConstructor = (  # noqa: PIE796 another code has the text
        400,
        "Did not find the expected left parenthesis in the SQL expression.",
    )
    ParseExpectedNumber = 400, "Did not find the expected number in the SQL expression."
    ParseExpectedRightParenBuiltinFunctionCall = (
        400,
        "Did not find the expected right parenthesis character in the SQL expression.",
    )
    ParseExpectedTypeName = 400, "Did not find the expected type name in the SQL expression."
    ParseExpectedWhenClause = 400, "Did not find the expected WHEN clause in the SQL expression."
    ParseInvalidPathComponent = 400, "The SQL expression contains an invalid path component."
    ParseMalformedJoin = 400, "JOIN is not supported in the SQL expression."
    ParseNonUnaryAgregateFunctionCall = (
        400,
        "Only one argument is supported for aggregate functions in the SQL expression.",
    )
    ParseSelectMissingFrom = 400, "The SQL expression contains a missing FROM after SELECT list."
    ParseUnExpectedKeyword = 400, "The SQL expression contains an unexpected keyword."
    ParseUnexpectedTerm = 400, "The SQL expression contains an unexpected term."
    ParseUnexpectedToken = 400, "The SQL expression contains an unexpected token."
    ParseUnsupportedCallWithStar = (
        400,
        "Only COUNT with (*) as a parameter is supported in the SQL expression.",
    )
    TruncatedInput = (
        400,
        "Object decompression failed. Check that the object is properly compressed using the "
        "format specified in the request.",
    )
    UnsupportedFunction = 400, "Encountered an unsupported SQL function."
    UnsupportedScanRangeInput = (
        400,
        "Scan range queries are not supported on this type of object. Check the service API "
        "documentation and try again.",
    )
    UnsupportedSqlOperation = 400, "Encountered an unsupported SQL operation."
    UnsupportedSqlStructure = (
        400,
        "Encountered an unsupported SQL structure. Check the SQL Reference.",
    )
    ValueParseFailure = 400, "Time stamp parse failure in the SQL expression."

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

    `details` become child elements of the XML error; `headers` go out with it. `status` is the
    code's, until it is set to another one.
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
        self.status = code.status
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
