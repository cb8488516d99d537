"""Our operations against AWS' own model of S3, as botocore ships it: names, routes, documents."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, quote, urlsplit

import botocore.session
import pytest

from s3gw import multipart, ops
from s3gw.cli.coverage import LIMITS, NEVER_THERE
from s3gw.http.request import Level
from s3gw.ops.unimplemented import LEGACY, REFUSED
from s3gw.s3.routing import OperationTable
from s3gw.server.operations import all_operations
from s3gw.wire.errors import Code
from s3gw.wire.subresources import SUBRESOURCES
from s3gw.wire.xmldoc import Written, element_names, fields_of
from tests.s3.declared_entries import CommonPrefixes, Contents, DeleteMarker, Version
from tests.s3.gateway import Gateway, code_of

MODEL: Any = botocore.session.Session().get_service_model("s3")
# What AWS documents for browsers; its model is for SDKs.
FOR_BROWSERS = {"PostObject"}
# Our own, beside AWS'.
OURS = {"GetBatch"}
OPERATIONS = [op for op in all_operations() if op.__name__ not in FOR_BROWSERS | OURS]
# What operations of AWS read here beside what AWS gives them.
OUR_PARAMETERS = {
    (name, ("querystring", parameter))
    for name in ("GetObject", "HeadObject")
    for parameter in ("archmime", "archmode", "archpath", "archregx")
} | {("GetObject", ("querystring", parameter)) for parameter in ("etl", "etl_args", "etl_pipeline")}
IMPLEMENTED = {op.__name__ for op in OPERATIONS}


def named(op: type[Any]) -> str:
    return op.__name__


def test_every_operation_of_aws_is_implemented_or_refused_with_a_reason() -> None:
    assert IMPLEMENTED | REFUSED.keys() | LEGACY.keys() == set(MODEL.operation_names)
    assert len(IMPLEMENTED) + len(REFUSED) + len(LEGACY) == len(MODEL.operation_names)
    assert all(REFUSED.values())
    assert LIMITS.keys() <= IMPLEMENTED | FOR_BROWSERS | OURS


@pytest.mark.parametrize("name", LEGACY)
def test_an_older_name_is_only_another_name(name: str) -> None:
    """One route cannot have two operations: the newer one reads both documents, or refuses both."""
    older, newer = MODEL.operation_model(name), MODEL.operation_model(LEGACY[name])
    assert (older.http, demands_of(older)) == (newer.http, demands_of(newer))
    assert older.deprecated


def test_every_marker_of_aws_selects_an_operation() -> None:
    """A sub-resource that we did not know would be ignored, and the plain operation be done."""
    markers = set()
    for name in MODEL.operation_names:
        query = urlsplit(MODEL.operation_model(name).http["requestUri"]).query
        markers |= {marker for marker, _ in parse_qsl(query, keep_blank_values=True)}
    assert markers - {"x-id"} <= SUBRESOURCES


def wire_names(shape: Any) -> set[tuple[str, str]]:
    found = set()
    for name, member in shape.members.items():
        place = member.serialization.get("location")
        found.add((place or "body", member.serialization.get("name", name)))
    return found


def demands_of(model: Any) -> dict[str, str]:
    uri = urlsplit(model.http["requestUri"])
    demanded = dict(parse_qsl(uri.query, keep_blank_values=True))
    for name in model.input_shape.required_members if model.input_shape else []:
        how = model.input_shape.members[name].serialization
        if how.get("location") == "querystring":
            demanded[how["name"]] = ""
    return demanded


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_an_operation_takes_the_requests_that_aws_gives_it(op: type[Any]) -> None:
    model = MODEL.operation_model(op.__name__)
    path = urlsplit(model.http["requestUri"]).path
    assert op.route.method == model.http["method"]
    assert op.route.level is Level(("{Bucket}" in path) + ("{Key+}" in path))
    assert {name: value or "" for name, value in op.route.query.items()} == demands_of(model)
    required = {
        model.input_shape.members[name].serialization.get("name")
        for name in (model.input_shape.required_members if model.input_shape else [])
    }
    assert (op.route.source is not None) == ("x-amz-copy-source" in required)


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_an_operation_reads_what_aws_calls_so(op: type[Any]) -> None:
    shape = MODEL.operation_model(op.__name__).input_shape
    known = wire_names(shape) if shape else set()
    for field in fields(op):
        binding = field.metadata["binding"]
        if binding.place != "body":
            read = binding.place, binding.name
            assert read in known or (op.__name__, read) in OUR_PARAMETERS


def documents() -> list[type[Any]]:
    """Every document that an operation's module defines or uses."""
    found = {
        item
        for module in (*ops.MODULES, *multipart.MODULES)
        for _, item in inspect.getmembers(module, inspect.isclass)
        if hasattr(item, "__xml_root__")
    }
    return sorted(found, key=named)


# A document's shape in the model: an operation's whole answer, or the member of a request.
SHAPES = {
    "AbacStatus": "AbacStatus",
    "AccelerateConfiguration": "AccelerateConfiguration",
    "AccessControlPolicy": "AccessControlPolicy",
    "CORSConfiguration": "CORSConfiguration",
    "BucketLoggingStatus": "BucketLoggingStatus",
    "CompleteMultipartUpload": "CompletedMultipartUpload",
    "CompleteMultipartUploadResult": "CompleteMultipartUploadOutput",
    "CopyObjectResult": "CopyObjectResult",
    "CopyPartResult": "CopyPartResult",
    "CreateBucketConfiguration": "CreateBucketConfiguration",
    "Delete": "Delete",
    "DeleteResult": "DeleteObjectsOutput",
    "OwnershipControls": "OwnershipControls",
    "PolicyStatus": "PolicyStatus",
    "PublicAccessBlockConfiguration": "PublicAccessBlockConfiguration",
    "GetObjectAttributesResponse": "GetObjectAttributesOutput",
    "InitiateMultipartUploadResult": "CreateMultipartUploadOutput",
    "LifecycleConfiguration": "BucketLifecycleConfiguration",
    "LegalHold": "ObjectLockLegalHold",
    "ListAllMyBucketsResult": "ListBucketsOutput",
    "ListBucketAnalyticsConfigurationResult": "ListBucketAnalyticsConfigurationsOutput",
    "ListBucketIntelligentTieringConfigurationsOutput": (
        "ListBucketIntelligentTieringConfigurationsOutput"
    ),
    "InventoryConfiguration": "InventoryConfiguration",
    "ListInventoryConfigurationsResult": "ListBucketInventoryConfigurationsOutput",
    "ListMetricsConfigurationsResult": "ListBucketMetricsConfigurationsOutput",
    "ListMultipartUploadsResult": "ListMultipartUploadsOutput",
    "ListPartsResult": "ListPartsOutput",
    "ListVersionsResult": "ListObjectVersionsOutput",
    "LocationConstraint": "GetBucketLocationOutput",
    "ObjectLockConfiguration": "ObjectLockConfiguration",
    "Retention": "ObjectLockRetention",
    "RequestPaymentConfiguration": "RequestPaymentConfiguration",
    "RestoreRequest": "RestoreRequest",
    "NotificationConfiguration": "NotificationConfiguration",
    "SelectObjectContentRequest": "SelectObjectContentRequest",
    "ServerSideEncryptionConfiguration": "ServerSideEncryptionConfiguration",
    "Tagging": "Tagging",
    "VersioningConfiguration": "GetBucketVersioningOutput",
    "WebsiteConfiguration": "WebsiteConfiguration",
}
BY_CLASS = {"ListObjectsResult": "ListObjectsOutput", "ListObjectsV2Result": "ListObjectsV2Output"}


@pytest.mark.parametrize("document", documents(), ids=named)
def test_a_document_is_spelt_as_aws_spells_it(document: type[Any]) -> None:
    shape = BY_CLASS.get(document.__name__) or SHAPES[document.__xml_root__]
    check_elements(document, MODEL.shape_for(shape))


@pytest.mark.parametrize("entry", [Contents, Version, DeleteMarker, CommonPrefixes], ids=named)
def test_an_entry_of_a_listing_is_spelt_as_aws_spells_it(entry: type[Any]) -> None:
    listing = "ListObjectsV2Output" if entry is Contents else "ListObjectVersionsOutput"
    name = entry.__xml_root__
    check_elements(entry, members_of(MODEL.shape_for(listing))[name].member)


def check_elements(document: type[Any], shape: Any) -> None:
    members = members_of(shape)
    hints = get_type_hints(document)
    for field, how in fields_of(document).items():
        if "xsi_type" in how or "text" in how:
            continue
        if hints[field] is Written:
            continue
        name = element_names(document)[field]
        wrapper = how.get("wrapper")
        member = members[wrapper or name]
        repeated = get_origin(hints[field]) is tuple
        if repeated and wrapper:
            assert member.member.serialization.get("name") == name
        # One element may be read as several, to refuse more than one.
        inner = member.member if repeated and member.type_name == "list" else member
        for kind in (*get_args(hints[field]), hints[field]):
            if isinstance(kind, type) and is_dataclass(kind):
                check_elements(kind, inner)


def members_of(shape: Any) -> dict[str, Any]:
    """By element name; a class that stands for a whole list has the list's items for members."""
    if shape.type_name == "list":
        return {shape.member.serialization["name"]: shape}
    return {m.serialization.get("name", name): m for name, m in shape.members.items()}


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_an_operation_reads_the_document_that_aws_gives_it(op: type[Any]) -> None:
    payload = payload_of(op.__name__)
    bodies = [f.name for f in fields(op) if f.metadata["binding"].place == "body"]
    assert len(bodies) == (payload is not None)
    if payload is not None:
        hint = get_type_hints(op)[bodies[0]]
        document = next(kind for kind in (*get_args(hint), hint) if hasattr(kind, "__xml_root__"))
        assert document.__xml_root__ == payload.serialization["name"]
        check_elements(document, payload)


def payload_of(name: str) -> Any:
    """The shape of the request's document, None when it has none or carries an object."""
    shape = MODEL.operation_model(name).input_shape
    if shape is not None and "name" in shape.serialization:
        # Its members are the document's.
        return shape
    payload = shape.members.get(shape.serialization.get("payload")) if shape else None
    return payload if payload is not None and payload.type_name == "structure" else None


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_an_operation_has_the_document_that_aws_answers_with(op: type[Any]) -> None:
    answer = answer_of(op.__name__)
    if answer is None or (op.__name__.startswith("Get") and op.__name__ in NEVER_THERE):
        return
    of_module = inspect.getmembers(inspect.getmodule(op), inspect.isclass)
    kinds = [kind for _, kind in of_module if hasattr(kind, "__xml_root__")]
    assert any(fits(kind, answer) for kind in kinds)


def answer_of(name: str) -> Any:
    """The shape of the answer's document, None when it has none or is an object."""
    shape = MODEL.operation_model(name).output_shape
    if shape is None:
        return None
    if "payload" in shape.serialization:
        payload = shape.members[shape.serialization["payload"]]
        is_document = payload.type_name == "structure"
        return payload if is_document and "eventstream" not in payload.serialization else None
    in_body = [m for m in shape.members.values() if "location" not in m.serialization]
    return shape if in_body else None


def fits(document: type[Any], shape: Any) -> bool:
    try:
        check_elements(document, shape)
    except KeyError:
        return False
    return True


# What AWS' model lists for an operation that works here, and why it never happens.
_APPENDING = "objects are not appended to"
_ARCHIVE = "nothing is archived"
NOT_APPLICABLE = {
    ("CopyObject", "ObjectNotInActiveTierError"): _ARCHIVE,
    ("PutObject", "EncryptionTypeMismatch"): _APPENDING,
    ("PutObject", "InvalidWriteOffset"): _APPENDING,
    ("PutObject", "TooManyParts"): _APPENDING,
    ("RenameObject", "IdempotencyParameterMismatch"): "renaming again is no error",
    ("RestoreObject", "ObjectAlreadyInActiveTierError"): _ARCHIVE,
}


@pytest.mark.parametrize("op", OPERATIONS, ids=named)
def test_an_operation_knows_every_error_that_aws_lists_for_it(op: type[Any]) -> None:
    for shape in MODEL.operation_model(op.__name__).error_shapes:
        if (op.__name__, shape.name) not in NOT_APPLICABLE:
            assert Code[shape.name].status == shape.metadata["error"]["httpStatusCode"]


def test_error_codes_are_spelt_as_aws_spells_them() -> None:
    """Those that AWS' model declares; the others stand in its documentation only."""
    modelled = {shape.name for name in MODEL.operation_names
                for shape in MODEL.operation_model(name).error_shapes}  # fmt: skip
    ours = {code.name for code in Code}
    known = {"NoSuchKey", "NoSuchBucket", "NoSuchUpload", "BucketAlreadyExists"}
    assert known | {"BucketAlreadyOwnedByYou"} <= modelled & ours
    by_letters = {code.lower(): code for code in modelled}
    assert [code for code in ours if by_letters.get(code.lower(), code) != code] == []


def test_two_operations_with_the_same_demands_refuse_to_start() -> None:
    first = OPERATIONS[0]
    with pytest.raises(ValueError, match="two operations"):
        OperationTable([first, type("Other", (first,), {})])


def request_for(name: str, bucket: str) -> tuple[str, str]:
    """The method and target of an operation, as AWS' model builds them."""
    model = MODEL.operation_model(name)
    uri = urlsplit(model.http["requestUri"])
    path = uri.path.replace("{Bucket}", bucket).replace("{Key+}", "k")
    query = demands_of(model)
    if name == "ListDirectoryBuckets":
        # Without arguments its request is that of ListBuckets; only the host differs.
        query["max-directory-buckets"] = "1"
    return model.http["method"], f"{path}?" + "&".join(f"{n}={quote(v)}" for n, v in query.items())


def of_their_own() -> list[str]:
    """Without those whose requests are by now those of a successor, as GetBucketNotification's
    are GetBucketNotificationConfiguration's."""
    return sorted(name for name in REFUSED if f"{name}Configuration" not in IMPLEMENTED)


@pytest.mark.parametrize("name", of_their_own())
def test_a_refused_operation_is_never_another_one(gateway: Gateway, bucket: str, name: str) -> None:
    gateway.send("PUT", f"/{bucket}/k", body=b"before")
    method, target = request_for(name, bucket)
    answer = gateway.send(method, target, body=b"after" if method in ("PUT", "POST") else b"")
    # Its own host tells it from a form that is posted to a bucket of that name, which it is not.
    from_lambda = name == "WriteGetObjectResponse"
    refusal = (412, "PreconditionFailed") if from_lambda else (501, "NotImplemented")
    assert code_of(answer) == refusal
    assert gateway.send("GET", f"/{bucket}/k").body == b"before"
