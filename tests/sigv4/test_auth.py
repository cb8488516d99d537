"""Who is asking, and which error each failure is; the clock stands at AWS' examples' time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw import auth
from s3gw.auth import AuthOptions
from s3gw.http.request import Request
from s3gw.identity.accounts import ANONYMOUS_ACCOUNT, Account, Accounts, Principal
from s3gw.sigv4.query import MAX_EXPIRES_S
from s3gw.sigv4.scope import EMPTY_SHA256
from s3gw.wire.errors import Code, S3Error
from tests.sigv4.sending import (
    ACCESS_KEY,
    NOW_S,
    SCOPE,
    TIMESTAMP,
    authenticate,
    call_for,
    presigned_target,
    signed_headers,
)
from tests.storage.fake_clock import FakeClock

TARGET = "/bucket/key?versionId=1"
SIGNED = signed_headers("GET", TARGET)
AUTHORIZATION = SIGNED["authorization"]
SIGNATURE = AUTHORIZATION[-64:]
V2_TARGET = (
    "/johnsmith/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE"
    "&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620"
)


def with_options(**options: object) -> AuthOptions:
    return AuthOptions(clock=FakeClock(NOW_S), **options)  # type: ignore[arg-type]


def refusal(call: Request, options: AuthOptions | None = None, *, now_s: int = NOW_S) -> S3Error:
    with pytest.raises(S3Error) as caught:
        authenticate(call, options, now_s=now_s)
    return caught.value


def get(headers: Mapping[str, str], target: str = TARGET) -> Request:
    return call_for("GET", target, headers)


def test_a_signed_request_comes_from_its_account() -> None:
    assert authenticate(get(SIGNED)) == Principal(
        "root-id", "root", "root@example.com", ACCESS_KEY, is_root=True
    )


def test_a_request_without_a_signature_is_anonymous() -> None:
    for headers in ({}, {"authorization": ""}):
        principal = authenticate(get(headers))
        assert principal.is_anonymous
        assert not principal.is_root
        assert principal == Principal.anonymous()


@pytest.mark.parametrize(
    "spelling",
    [
        AUTHORIZATION.replace(", ", ","),
        AUTHORIZATION.replace(", ", "  ,   "),
        AUTHORIZATION.replace("SHA256 C", "SHA256   C"),
        "AWS4-HMAC-SHA256 " + ", ".join(reversed(AUTHORIZATION.split(" ", 1)[1].split(", "))),
        AUTHORIZATION.replace("=host", "=Host"),
    ],
)
def test_an_authorization_header_has_many_spellings(spelling: str) -> None:
    assert authenticate(get({**SIGNED, "authorization": spelling})).is_root


def test_a_slash_that_was_signed_may_come_escaped() -> None:
    headers, presigned = signed_headers("GET", "/b/a//b"), presigned_target("/b/a//b")
    for sent in ("/b/a/%2Fb", "/b/a/%2fb", "/b/a//b"):
        assert authenticate(get(headers, sent)).is_root
        assert authenticate(get({}, presigned.replace("/b/a//b", sent))).is_root
    for sent in ("/b/a/b", "/b/a/%252Fb", "/b/a/%2F%2Fb"):
        assert refusal(get(headers, sent)).code is Code.SignatureDoesNotMatch


def test_an_escaped_slash_that_was_signed_must_come_so() -> None:
    headers = signed_headers("GET", "/b/a%2Fb", path="/b/a%2Fb")
    assert authenticate(get(headers, "/b/a%2Fb")).is_root
    error = refusal(get(headers, "/b/a/b"))
    assert error.code is Code.SignatureDoesNotMatch


def test_a_wrong_signature_shows_the_slashes_that_aws_signs() -> None:
    error = refusal(get({**SIGNED, "x-amz-date": TIMESTAMP}, "/b/a%2Fb"))
    assert error.details["CanonicalRequest"].startswith("GET\n/b/a/b\n")


MALFORMED_HEADERS = {
    "AWS4-HMAC-SHA256": "is malformed",
    "AWS4-HMAC-SHA256 hello": "is malformed",
    "AWS4-HMAC-SHA256-PLUS a=b": "expecting",
    AUTHORIZATION.replace("Signature=", "Signatur="): "is malformed",
    AUTHORIZATION.removesuffix(f", Signature={SIGNATURE}"): "three components",
    f"{AUTHORIZATION}, Signature={SIGNATURE}": "is malformed",
    AUTHORIZATION.replace("/us-east-1", ""): "the Credential is mal-formed",
    AUTHORIZATION.replace("20130524", "2013052x"): "incorrect date format",
    AUTHORIZATION.replace("/s3/", "/ec2/"): 'incorrect service "ec2"',
    AUTHORIZATION.replace("aws4_request", "aws3_request"): 'incorrect terminal "aws3_request"',
    AUTHORIZATION.replace("20130524", "20130525"): "Invalid credential date",
    AUTHORIZATION.replace("SignedHeaders=host", "SignedHeaders=h\u00f6st"): "SignedHeaders",
}


@pytest.mark.parametrize("value", MALFORMED_HEADERS)
def test_a_header_that_cannot_be_read_is_malformed(value: str) -> None:
    error = refusal(get({**SIGNED, "authorization": value}))
    assert error.code is Code.AuthorizationHeaderMalformed
    assert error.message.startswith("The authorization header is malformed; ")
    assert MALFORMED_HEADERS[value] in error.message


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("AWS AKIAIOSFODNN7EXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=", Code.InvalidRequest),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", Code.InvalidRequest),
        ("AWS HAHAHA", Code.InvalidArgument),
        ("Bearer token", Code.InvalidArgument),
    ],
)
def test_other_mechanisms_in_the_header_are_refused(value: str, code: Code) -> None:
    error = refusal(get({**SIGNED, "authorization": value}))
    assert error.code is code
    assert "token" not in str(error.details)


def test_two_mechanisms_at_once_are_refused() -> None:
    for target in (presigned_target("/b/k"), V2_TARGET):
        error = refusal(get(SIGNED, target))
        assert error.code is Code.InvalidArgument
        assert error.message.startswith("Only one auth mechanism allowed")


def test_an_unknown_access_key_is_named() -> None:
    value = AUTHORIZATION.replace(ACCESS_KEY, "SOMEBODY/ELSE")
    error = refusal(get({**SIGNED, "authorization": value}))
    assert error.code is Code.InvalidAccessKeyId
    assert error.details == {"AWSAccessKeyId": "SOMEBODY/ELSE"}


@pytest.mark.parametrize("signature", ["", "f" * 64, SIGNATURE.upper(), "\u00e4" * 64])
def test_a_wrong_signature_shows_what_was_signed(signature: str) -> None:
    value = AUTHORIZATION.replace(SIGNATURE, signature)
    error = refusal(get({**SIGNED, "authorization": value}))
    assert error.code is Code.SignatureDoesNotMatch
    assert error.details["AWSAccessKeyId"] == ACCESS_KEY
    assert error.details["SignatureProvided"] == signature
    assert error.details["StringToSign"].startswith(f"AWS4-HMAC-SHA256\n{TIMESTAMP}\n{SCOPE}\n")
    assert error.details["CanonicalRequest"].startswith("GET\n/bucket/key\nversionId=1\nhost:")


@pytest.mark.parametrize("skew_s", [-auth.MAX_SKEW_S, auth.MAX_SKEW_S])
def test_fifteen_minutes_of_skew_are_allowed_and_no_more(skew_s: int) -> None:
    assert authenticate(get(SIGNED), now_s=NOW_S + skew_s).is_root
    error = refusal(get(SIGNED), now_s=NOW_S + skew_s + (1 if skew_s > 0 else -1))
    assert error.code is Code.RequestTimeTooSkewed
    assert error.details["RequestTime"] == TIMESTAMP
    assert error.details["ServerTime"] in ("2013-05-23T23:44:59Z", "2013-05-24T00:15:01Z")
    assert error.details["MaxAllowedSkewMilliseconds"] == "900000"


@pytest.mark.parametrize(
    "date", ["", "20130524", "20130524T250000Z", "2013-05-24T00:00:00Z", "20130524T00000\u0660Z"]
)
def test_a_missing_or_unreadable_date_is_denied(date: str) -> None:
    error = refusal(get({**SIGNED, "x-amz-date": date}))
    assert error.code is Code.AccessDenied
    assert error.message == "AWS authentication requires a valid Date or x-amz-date header"


@given(st.text())
def test_no_date_header_breaks_the_server(date: str) -> None:
    headers = {name: value for name, value in SIGNED.items() if name != "x-amz-date"}
    assert refusal(get({**headers, "date": date})).code in (
        Code.AccessDenied,
        Code.RequestTimeTooSkewed,
    )


def test_the_payload_hash_is_required() -> None:
    headers = {name: value for name, value in SIGNED.items() if name != "x-amz-content-sha256"}
    error = refusal(get(headers))
    assert error.code is Code.InvalidRequest
    assert error.message == "Missing required header for this request: x-amz-content-sha256"


@pytest.mark.parametrize("value", ["", "abc", "g" * 64, " " * 64, "STREAMING", "e3 " * 21 + "e"])
def test_a_payload_hash_that_is_none_is_an_invalid_argument(value: str) -> None:
    error = refusal(get(signed_headers("GET", TARGET, payload=value)))
    assert error.code is Code.InvalidArgument
    assert error.details == {
        "ArgumentName": "x-amz-content-sha256",
        "ArgumentValue": value,
    }


def test_every_amz_header_must_be_signed_and_the_host() -> None:
    error = refusal(get({**SIGNED, "x-amz-acl": "public-read", "x-amz-meta-a": "1"}))
    assert error.code is Code.AccessDenied
    assert error.message == "There were headers present in the request which were not signed"
    assert error.details == {"HeadersNotSigned": "x-amz-acl, x-amz-meta-a"}
    without_host = AUTHORIZATION.replace("SignedHeaders=host;", "SignedHeaders=")
    error = refusal(get({**SIGNED, "authorization": without_host}))
    assert error.details == {"HeadersNotSigned": "host"}


def test_an_amz_header_on_a_presigned_url_must_be_signed() -> None:
    error = refusal(get({"x-amz-acl": "public-read"}, presigned_target("/b/k")))
    assert error.details == {"HeadersNotSigned": "x-amz-acl"}


def test_session_tokens_are_refused_wherever_they_stand() -> None:
    calls = (
        get({**SIGNED, "x-amz-security-token": "t"}),
        get({}, presigned_target("/b/k", **{"Security-Token": "t"})),
        get({}, V2_TARGET + "&x-amz-security-token=t"),
    )
    for call in calls:
        assert refusal(call).code is Code.InvalidToken


REGIONS = with_options(region_names=("us-east-1", "eu-west-1"))


@pytest.mark.parametrize("region", ["auto", "", "US", "anything"])
def test_any_region_is_accepted_unless_some_are_named(region: str) -> None:
    """The signature is of another region: to get as far as comparing it is to be accepted."""
    value = AUTHORIZATION.replace("us-east-1", region)
    error = refusal(get({**SIGNED, "authorization": value}))
    assert error.code is Code.SignatureDoesNotMatch


def test_a_foreign_region_is_answered_with_ours() -> None:
    assert authenticate(get(SIGNED), REGIONS).is_root
    value = AUTHORIZATION.replace("us-east-1", "us-west-2")
    error = refusal(get({**SIGNED, "authorization": value}), REGIONS)
    assert error.code is Code.AuthorizationHeaderMalformed
    assert error.details == {"Region": "us-east-1"}
    assert error.message.endswith("the region 'us-west-2' is wrong; expecting 'us-east-1'")
    s3cmd = AUTHORIZATION.replace("us-east-1", "US")
    error = refusal(get({**SIGNED, "authorization": s3cmd}), REGIONS)
    assert error.code is Code.SignatureDoesNotMatch


def test_a_foreign_region_in_a_presigned_url_is_answered_with_ours() -> None:
    target = presigned_target("/b/k", Credential=f"{ACCESS_KEY}/20130524/xx/s3/aws4_request")
    error = refusal(get({}, target), REGIONS)
    assert error.code is Code.AuthorizationQueryParametersError
    assert error.details == {"Region": "us-east-1"}


@pytest.mark.parametrize("expires_s", [1, MAX_EXPIRES_S])
def test_a_presigned_url_is_good_until_it_expires(expires_s: int) -> None:
    call = get({}, presigned_target("/b/k", str(expires_s)))
    assert authenticate(call, now_s=NOW_S + expires_s - 1).is_root
    error = refusal(call, now_s=NOW_S + expires_s)
    assert error.code is Code.AccessDenied
    assert error.message == "Request has expired"
    assert error.details["X-Amz-Expires"] == str(expires_s)
    assert error.details["Expires"] == error.details["ServerTime"]


def test_a_presigned_url_that_expires_at_once_has_expired() -> None:
    error = refusal(get({}, presigned_target("/b/k", "0")))
    assert (error.code, error.message) == (Code.AccessDenied, "Request has expired")


def test_a_presigned_url_of_the_future_is_not_valid_yet() -> None:
    call = get({}, presigned_target("/b/k"))
    assert authenticate(call, now_s=NOW_S - auth.MAX_SKEW_S).is_root
    error = refusal(call, now_s=NOW_S - auth.MAX_SKEW_S - 1)
    assert (error.code, error.message) == (Code.AccessDenied, "Request is not valid yet")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (presigned_target("/b/k", str(MAX_EXPIRES_S + 1)), "less than a week"),
        (presigned_target("/b/k", "-7"), "non-negative"),
        (presigned_target("/b/k", "soon"), "should be a number"),
        (presigned_target("/b/k", "\u0665"), "should be a number"),
        (presigned_target("/b/k", Date="20130524"), "ISO8601 Long Format"),
        (presigned_target("/b/k", Algorithm="AWS4"), "X-Amz-Algorithm only supports"),
        (presigned_target("/b/k", Credential="a/b"), "the Credential is mal-formed"),
        (presigned_target("/b/k", Credential=f"a/{SCOPE}x"), "incorrect terminal"),
        (presigned_target("/b/k").replace("X-Amz-Date", "x"), "requires the X-Amz-Algorithm"),
        (presigned_target("/b/k", SignedHeaders="host").replace("=host", "="), "SignedHeaders"),
        (
            presigned_target("/b/k", Date="20130525T000000Z"),
            "Invalid credential date",
        ),
    ],
)
def test_presigned_parameters_that_cannot_be_read_are_an_error(target: str, message: str) -> None:
    error = refusal(get({}, target))
    assert error.code is Code.AuthorizationQueryParametersError
    assert message in error.message


def test_a_wrong_presigned_signature_shows_what_was_signed() -> None:
    target = presigned_target("/b/k").replace("/b/k", "/b/l")
    error = refusal(get({}, target))
    assert error.code is Code.SignatureDoesNotMatch
    assert error.details["CanonicalRequest"].endswith("\nhost\nUNSIGNED-PAYLOAD")


def test_an_expired_version_2_url_is_denied() -> None:
    error = refusal(get({}, V2_TARGET))
    assert (error.code, error.message) == (Code.AccessDenied, "Request has expired")
    assert error.details["Expires"] == "2007-03-29T03:40:20Z"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("Expires=1175139620", "Expires=soon", Code.AccessDenied),
        ("&Expires=1175139620", "", Code.AccessDenied),
        ("AWSAccessKeyId=AKI", "AWSAccessKeyId=aki", Code.InvalidAccessKeyId),
        ("puppy", "kitty", Code.SignatureDoesNotMatch),
        ("&Sig", "&acl&Sig", Code.SignatureDoesNotMatch),
        ("&Sig", "&retention&Sig", Code.SignatureDoesNotMatch),
        ("&Sig", "&x-amz-acl=private&Sig", Code.SignatureDoesNotMatch),
    ],
)
def test_a_changed_version_2_url_is_refused(old: str, new: str, code: Code) -> None:
    call = get({}, V2_TARGET.replace(old, new))
    assert refusal(call, now_s=1175139619).code is code


def test_version_2_can_be_switched_off() -> None:
    error = refusal(get({}, V2_TARGET), with_options(allow_sigv2_query=False))
    assert error.code is Code.InvalidRequest
    assert error.message.endswith("Please use AWS4-HMAC-SHA256.")
    assert authenticate(get({}, V2_TARGET), now_s=1175139619).is_root


def test_a_version_2_signature_may_come_with_a_bare_plus() -> None:
    target = V2_TARGET.replace("%2B", "+")
    assert authenticate(get({}, target), now_s=1175139619).is_root


def test_every_account_has_its_keys_and_only_one_is_root() -> None:
    other = Account("other-id", "other", "", {"KEY/1": "secret", "KEY2": "secret"})
    accounts = Accounts(Account("root-id", secrets={"ROOT": "s"}), [other])
    found = accounts.find("KEY/1")
    assert found is not None
    assert found.principal == Principal("other-id", "other", "", "KEY/1")
    assert "secret" not in repr(found) + repr(other)
    assert accounts.root.access_key == "ROOT"
    assert accounts.display_name("other-id") == "other"
    assert accounts.display_name("nobody") is None


@pytest.mark.parametrize(
    "other",
    [
        Account("root-id"),
        Account("other", secrets={ACCESS_KEY: "s"}),
        Account(ANONYMOUS_ACCOUNT),
    ],
)
def test_accounts_share_neither_ids_nor_keys(other: Account) -> None:
    with pytest.raises(ValueError, match="there twice"):
        authenticate(get({}), None, other)


latin = st.text(st.characters(max_codepoint=255))
anything = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.one_of(latin, st.sampled_from(["Credential=", "Signature=", ",", "/", SCOPE]))))
def test_no_authorization_header_breaks_the_server(parts: list[str]) -> None:
    value = "AWS4-HMAC-SHA256 " + "".join(parts)
    assert refusal(get({**SIGNED, "authorization": value})).code.status in (400, 403)


@given(
    st.sampled_from(["Credential", "Date", "Expires", "SignedHeaders", "Content-Sha256"]), anything
)
def test_no_presigned_parameter_breaks_the_server(name: str, value: str) -> None:
    target = f"{presigned_target('/b/k')}&X-Amz-{name}={quote(value, safe='')}"
    assert refusal(get({}, target)).code.status in (400, 403)


@given(st.sampled_from(["AWSAccessKeyId", "Expires", "Signature", "versionId"]), anything)
def test_no_version_2_parameter_breaks_the_server(name: str, value: str) -> None:
    path, _, query = V2_TARGET.partition("?")
    # The first of repeated parameters counts.
    call = get({}, f"{path}?{name}={quote(value, safe='')}&{query}")
    assert refusal(call, now_s=1175139619).code.status in (400, 403)


def test_without_authentication_everybody_is_root() -> None:
    for headers in ({}, SIGNED, {"authorization": "nonsense"}):
        assert authenticate(get(headers), with_options(no_auth=True)).is_root


def test_a_known_payload_hash_is_handed_to_the_digest() -> None:
    call = get(signed_headers("GET", TARGET, payload=EMPTY_SHA256.upper()))
    authenticate(call)
    assert call.content_sha256 == EMPTY_SHA256


def test_the_server_clock_is_read_when_nothing_else_is_given() -> None:
    assert abs(AuthOptions().clock.now_ns() / 1e9 - time.time()) < 60
