"""The wire: which requests are for STS, and what is wrong with each that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from s3gw.auth.throttle import Throttle
from s3gw.config.auth import ThrottleOptions
from s3gw.sts.errors import StsCode
from tests.asgi import Answer
from tests.sts.scene import ROOT, Scene, TemporaryKeys, arn, opened, refused

FORM = {"content-type": "application/x-www-form-urlencoded"}
IDENTITY = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
WEB = {
    "Action": "AssumeRoleWithWebIdentity",
    "Version": "2011-06-15",
    "RoleArn": arn("Guest"),
    "RoleSessionName": "job-1",
    "WebIdentityToken": "abcd",
}
_NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"


def error_of(answer: Answer) -> tuple[int, str]:
    """It must be STS' error document."""
    root = ElementTree.fromstring(answer.body)
    assert root.tag == f"{_NAMESPACE}ErrorResponse"
    kind = root.findtext(f"{_NAMESPACE}Error/{_NAMESPACE}Type")
    assert kind == ("Sender" if answer.status < 500 else "Receiver")
    assert root.findtext(f"{_NAMESPACE}RequestId") == answer.headers["x-amzn-requestid"]
    assert answer.headers["content-type"] == "text/xml"
    return answer.status, root.findtext(f"{_NAMESPACE}Error/{_NAMESPACE}Code") or ""


def posted(scene: Scene, fields: dict[str, str] | str, **headers: str) -> tuple[int, str]:
    body = fields if isinstance(fields, str) else urlencode(fields)
    return error_of(scene.send("POST", "/", {**FORM, **headers}, body.encode()))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", (400, "MissingAction")),
        ("Version=2011-06-15", (400, "MissingAction")),
        ("Action=", (400, "MissingAction")),
        ("Action=GetFederationToken&Version=2011-06-15", (400, "InvalidAction")),
        ("Action=GetCallerIdentity&Version=2010-05-08", (400, "InvalidAction")),
        ("Action=GetCallerIdentity", (400, "InvalidAction")),
        ("Action=ListUsers&Version=2010-05-08", (400, "InvalidAction")),
        (IDENTITY, (403, "MissingAuthenticationToken")),
        ("Action=GetCallerIdentity&Action=GetCallerIdentity", (400, "ValidationError")),
        ("Action=%FF", (400, "MalformedInput")),
        ("&".join(f"a{n}=1" for n in range(65)), (400, "MalformedInput")),
        (WEB, (400, "InvalidIdentityToken")),
        (WEB | {"WebIdentityToken": "abc"}, (400, "ValidationError")),
        (WEB | {"WebIdentityToken": "a" * 20_001}, (400, "ValidationError")),
        (WEB | {"DurationSeconds": "900.5"}, (400, "ValidationError")),
        (WEB | {"DurationSeconds": "1e3"}, (400, "ValidationError")),
        (WEB | {"DurationSeconds": "٩٠٠"}, (400, "ValidationError")),
        (WEB | {"DurationSeconds": "9" * 5000}, (400, "ValidationError")),
        (WEB | {"RoleArn": "arn:aws:iam::1:rol"}, (400, "ValidationError")),
        (WEB | {"RoleArn": "a" * 2049}, (400, "ValidationError")),
        (WEB | {"RoleSessionName": "a"}, (400, "ValidationError")),
        (WEB | {"RoleSessionName": "a" * 65}, (400, "ValidationError")),
        (WEB | {"Policy": ""}, (400, "ValidationError")),
        (WEB | {"Policy": "\u20ac"}, (400, "ValidationError")),
        (WEB | {"Unheard": "of"}, (400, "ValidationError")),
        (WEB | {"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/x"}, (400, "ValidationError")),
    ],
)
def test_each_wrong_request_has_its_error(
    scene: Scene, fields: dict[str, str] | str, expected: tuple[int, str]
) -> None:
    assert posted(scene, fields) == expected


@pytest.mark.parametrize("missing", ["RoleArn", "RoleSessionName", "WebIdentityToken"])
def test_what_is_missing_is_named(scene: Scene, missing: str) -> None:
    fields = {name: value for name, value in WEB.items() if name != missing}
    answer = scene.send("POST", "/", FORM, urlencode(fields).encode())
    assert error_of(answer) == (400, "ValidationError")
    assert missing[1:].encode() in answer.body


def test_a_body_has_a_bound(scene: Scene) -> None:
    fits = "Action=GetCallerIdentity&Version=2011-06-15&x="
    assert posted(scene, fits + "x" * (65536 - len(fits))) == (403, "MissingAuthenticationToken")
    assert posted(scene, fits + "x" * (65537 - len(fits))) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("Basic dXNlcjpwYXNz", "IncompleteSignature"),
        ("AWS AKIA:signature", "IncompleteSignature"),
        (
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sts/aws4_request",
            "IncompleteSignature",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, "
            "SignedHeaders=host, Signature=0",
            "IncompleteSignature",
        ),
        ("Bearer eyJ.wrong.token", "InvalidClientTokenId"),
    ],
)
def test_a_proof_that_cannot_be_read_is_told(
    scene: Scene, authorization: str, expected: str
) -> None:
    assert posted(scene, IDENTITY, authorization=authorization)[1] == expected


def test_a_signature_covers_the_body(scene: Scene) -> None:
    import botocore.auth
    import botocore.awsrequest
    from botocore.credentials import Credentials

    body = urlencode(IDENTITY)
    request = botocore.awsrequest.AWSRequest(
        "POST", "http://127.0.0.1/", headers={"host": "127.0.0.1", **FORM}, data=body
    )
    credentials = Credentials(*next(iter(ROOT.secrets.items())))
    botocore.auth.SigV4Auth(credentials, "sts", "eu-west-1").add_auth(request)
    headers = {name: str(value) for name, value in request.headers.items()}
    assert scene.send("POST", "/", headers, body.encode()).status == 200
    changed = body.replace("GetCallerIdentity", "GetSessionToken")
    answer = scene.send("POST", "/", headers, changed.encode())
    assert error_of(answer) == (403, "SignatureDoesNotMatch")
    for shift_s, expected in [(-960, "RequestExpired"), (960, "RequestExpired")]:
        scene.clock.shift_s = shift_s
        assert error_of(scene.send("POST", "/", headers, body.encode())) == (400, expected)


def test_what_is_not_for_sts_goes_on_to_s3(scene: Scene) -> None:
    for method, target, headers in [
        ("POST", "/", {}),
        ("POST", "/", {"content-type": "multipart/form-data; boundary=x"}),
        ("GET", "/", {}),
        ("GET", "/bucket-x?Action=GetCallerIdentity&Version=2011-06-15", {}),
        ("POST", "/bucket-x", FORM),
    ]:
        answer = scene.send(method, target, headers)
        assert ElementTree.fromstring(answer.body).tag == "Error"


def test_a_body_of_another_kind_is_refused(scene: Scene) -> None:
    target = "/?Action=GetCallerIdentity&Version=2011-06-15"
    answer = scene.send("POST", target, {"content-type": "application/json"}, b"{}")
    assert error_of(answer) == (400, "MalformedInput")


@pytest.fixture
def with_domain(tmp_path: Path) -> Iterator[Scene]:
    with opened(tmp_path, domains=("s3.example.com",)) as scene:
        yield scene


def test_the_host_of_a_bucket_is_no_sts(with_domain: Scene) -> None:
    body = urlencode(IDENTITY).encode()
    for host, root in [
        ("b.s3.example.com", "Error"),
        ("s3.example.com", f"{_NAMESPACE}ErrorResponse"),
    ]:
        answer = with_domain.send("POST", "/", {**FORM, "host": host}, body)
        assert ElementTree.fromstring(answer.body).tag == root


@pytest.fixture
def open_to_all(tmp_path: Path) -> Iterator[Scene]:
    with opened(tmp_path, no_auth=True) as scene:
        yield scene


def test_without_authentication_everybody_is_the_root_account(open_to_all: Scene) -> None:
    body = urlencode(IDENTITY).encode()
    answer = open_to_all.send("POST", "/", FORM, body)
    assert b":root</Arn>" in answer.body
    keys = open_to_all.assumed(None, "Guest")
    assert open_to_all.s3(keys).list_buckets()


def test_requests_are_counted_by_their_action(scene: Scene) -> None:
    scene.sts(ROOT).get_caller_identity()
    seen = scene.observer.exchanges[-1]
    assert (seen.operation, seen.status, seen.account) == (
        "GetCallerIdentity",
        200,
        ROOT.account,
    )
    posted(scene, "Action=MadeUpByAStranger&Version=2011-06-15")
    seen = scene.observer.exchanges[-1]
    assert (seen.operation, seen.error_code) == ("", "InvalidAction")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Scene]:
    throttle = Throttle(ThrottleOptions(burst=3, per_minute=1))
    with opened(tmp_path, throttle=throttle) as scene:
        yield scene


def test_who_guesses_is_slowed_down(guarded: Scene) -> None:
    wrong = TemporaryKeys("ROOT-KEY", "guess", None)  # type: ignore[arg-type]
    codes = []
    for _ in range(6):
        with pytest.raises(ClientError) as error:
            guarded.sts(wrong).get_caller_identity()
        codes.append(refused(error)[1])
    assert (codes[0], codes[-1]) == ("SignatureDoesNotMatch", "Throttling")
    assert int(error.value.response["ResponseMetadata"]["HTTPHeaders"]["retry-after"]) > 0


@given(st.binary(max_size=300), st.sampled_from([{}, FORM]))
def test_no_request_is_a_fault_of_ours(shared: Scene, body: bytes, headers: dict[str, str]) -> None:
    answer = shared.send("POST", "/?Action=AssumeRole", headers, body)
    assert answer.status < 500


@given(
    st.dictionaries(
        st.sampled_from(["RoleArn", "RoleSessionName", "Policy", "DurationSeconds", "x"]),
        st.text(max_size=60),
    )
)
def test_no_parameters_are_a_fault_of_ours(shared: Scene, fields: dict[str, str]) -> None:
    sent = urlencode(WEB | fields).encode()
    answer = shared.send("POST", "/", FORM, sent)
    assert answer.status in (400, 403)


def test_every_code_is_spelt_as_aws_spells_it() -> None:
    """Those that botocore's model of STS knows."""
    from botocore.loaders import Loader

    model = Loader().load_service_model("sts", "service-2")
    shapes = (shape.get("error", {}) for shape in model["shapes"].values())
    known = {error["code"]: error["httpStatusCode"] for error in shapes if "code" in error}
    ours = {code.name: code.status for code in StsCode}
    for name in ("MalformedPolicyDocument", "PackedPolicyTooLarge", "InvalidIdentityToken"):
        assert ours[name] == known[name]
    for name in ("ExpiredTokenException", "IDPCommunicationError"):
        assert ours[name] == known[name]
