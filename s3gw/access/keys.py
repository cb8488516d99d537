"""The condition keys of this server, and their values in a request.

A policy with any other key is refused: a condition that is not checked protects nothing.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qsl

from s3gw.access.request import AccessRequest
from s3gw.access.request_documents import sent_lock, sent_tags
from s3gw.identity.accounts import ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER, account_number

# The values of a key in a request; empty when the request does not have it.
Values = tuple[str, ...]
Getter = Callable[[AccessRequest], Values]

NONE: Values = ()
_DAY_S = 86_400


def _one(text: str | None) -> Values:
    return NONE if text is None else (text,)


def _header(name: str, request: AccessRequest) -> Values:
    return _one(request.headers.get(name))


def _query(name: str, request: AccessRequest) -> Values:
    return _one(request.query.get(name))


def _word(flag: bool) -> Values:
    return ("true" if flag else "false",)


def _source_ip(request: AccessRequest) -> Values:
    return (request.client,) if request.client else NONE


def _principal_arn(request: AccessRequest) -> Values:
    """Return the principal's ARN; for a session, that of the assumed role."""
    who = request.caller.principal
    return (who.role_arn or who.arn,) if request.caller.signed else NONE


def _account(request: AccessRequest) -> Values:
    return (account_number(request.caller.account),) if request.caller.signed else NONE


def _resource_account(request: AccessRequest) -> Values:
    return (account_number(request.owner),)


def _user_id(request: AccessRequest) -> Values:
    known = request.caller.signed or request.caller.is_anonymous
    return (request.caller.principal.user_id,) if known else NONE


def _username(request: AccessRequest) -> Values:
    """Return the user's name; a session of a role does not have one."""
    who = request.caller.principal
    return (who.user,) if who.is_user and not who.role_arn else NONE


def _principal_type(request: AccessRequest) -> Values:
    caller = request.caller
    if caller.service:
        return ("AWSService",)
    if caller.is_anonymous:
        return ("Anonymous",)
    if caller.principal.role_arn:
        return ("AssumedRole",)
    return ("User" if caller.is_user else "Account",)


def _multi_factor(request: AccessRequest) -> Values:
    """Return `false` for temporary credentials only: a second factor is not supported."""
    return ("false",) if request.caller.principal.session else NONE


def _issue_time(request: AccessRequest) -> Values:
    session = request.caller.principal.session
    return (_iso(session.issued_s),) if session else NONE


def _iso(epoch_s: int) -> str:
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _current_time(request: AccessRequest) -> Values:
    return (_iso(request.now_s),)


def _source_account(request: AccessRequest) -> Values:
    return _one(account_number(request.source_account) or None)


def _auth_type(request: AccessRequest) -> Values:
    if request.operation == "PostObject":
        return NONE if request.caller.is_anonymous else ("POST",)
    if authorization := request.headers.get("authorization"):
        return ("REST-HEADER",) if authorization.startswith("AWS") else NONE
    signed = "X-Amz-Signature" in request.query or "Signature" in request.query
    return ("REST-QUERY-STRING",) if signed else NONE


def _signature_version(request: AccessRequest) -> Values:
    bears_token = request.headers.get("authorization", "").lower().startswith("bearer ")
    if bears_token or not request.caller.signed:
        return NONE
    return ("AWS" if "Signature" in request.query else "AWS4-HMAC-SHA256",)


def _signature_age(request: AccessRequest) -> Values:
    """Return the milliseconds since a presigned URL was signed, if it says when."""
    text = request.query.get("X-Amz-Date") or request.headers.get("x-amz-date", "")
    try:
        signed = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return NONE
    return (str(max(0, request.now_s - int(signed.timestamp())) * 1000),)


def _version(request: AccessRequest) -> Values:
    return _one(request.version)


def _tags_sent(request: AccessRequest) -> Mapping[str, str]:
    if request.operation == "PutObjectTagging":
        return sent_tags(request.document)
    return dict(parse_qsl(request.headers.get("x-amz-tagging", ""), keep_blank_values=True))


def _tag_names_sent(request: AccessRequest) -> Values:
    return tuple(_tags_sent(request))


def _lock_sent(field: str, request: AccessRequest) -> Values:
    """Read the field from the request's document, for operations with one, or from the headers."""
    if request.operation in ("PutObjectRetention", "PutObjectLegalHold"):
        return _one(getattr(sent_lock(request.document), field))
    name = {"mode": "mode", "until": "retain-until-date", "legal_hold": "legal-hold"}[field]
    return _header(f"x-amz-object-lock-{name}", request)


def _remaining_days(request: AccessRequest) -> Values:
    for text in _lock_sent("until", request):
        try:
            until_s = datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return NONE
        return (str(max(0, -int((request.now_s - until_s) // _DAY_S))),)
    return NONE


_HEADERS = """
    x-amz-acl x-amz-content-sha256 x-amz-copy-source x-amz-grant-full-control x-amz-grant-read
    x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-metadata-directive
    x-amz-object-ownership x-amz-server-side-encryption
    x-amz-server-side-encryption-aws-kms-key-id x-amz-server-side-encryption-customer-algorithm
    x-amz-storage-class x-amz-tagging-directive x-amz-website-redirect-location
    if-match if-none-match
"""

_OF_HEADERS: dict[str, Getter] = {f"s3:{name}": partial(_header, name) for name in _HEADERS.split()}
GETTERS: Mapping[str, Getter] = _OF_HEADERS | {
    "aws:currenttime": _current_time,
    "aws:epochtime": lambda request: (str(request.now_s),),
    "aws:multifactorauthage": lambda request: NONE,
    "aws:multifactorauthpresent": _multi_factor,
    "aws:principalaccount": _account,
    "aws:principalarn": _principal_arn,
    "aws:principalisawsservice": lambda request: _word(bool(request.caller.service)),
    "aws:principalservicename": lambda request: _one(request.caller.service or None),
    "aws:principaltype": _principal_type,
    "aws:referer": partial(_header, "referer"),
    "aws:requestedregion": lambda request: (request.region,),
    "aws:resourceaccount": _resource_account,
    "aws:securetransport": lambda request: _word(request.is_secure),
    "aws:sourceaccount": _source_account,
    "aws:sourcearn": lambda request: _one(request.source_arn or None),
    "aws:sourceip": _source_ip,
    "aws:tokenissuetime": _issue_time,
    "aws:useragent": partial(_header, "user-agent"),
    "aws:userid": _user_id,
    "aws:username": _username,
    "s3:authtype": _auth_type,
    "s3:delimiter": partial(_query, "delimiter"),
    "s3:max-keys": partial(_query, "max-keys"),
    "s3:object-lock-legal-hold": partial(_lock_sent, "legal_hold"),
    "s3:object-lock-mode": partial(_lock_sent, "mode"),
    "s3:object-lock-remaining-retention-days": _remaining_days,
    "s3:object-lock-retain-until-date": partial(_lock_sent, "until"),
    "s3:prefix": partial(_query, "prefix"),
    "s3:requestobjecttagkeys": _tag_names_sent,
    "s3:resourceaccount": _resource_account,
    "s3:signatureage": _signature_age,
    "s3:signatureversion": _signature_version,
    "s3:versionid": _version,
}

# Their values may name the root account by its id or by its number.
_OF_ACCOUNTS = frozenset(
    ["aws:principalaccount", "aws:principalarn", "aws:resourceaccount", "aws:sourceaccount"]
) | {"aws:userid", "s3:resourceaccount"}

_EXISTING_TAG = "s3:existingobjecttag/"
_SENT_TAG = "s3:requestobjecttag/"

# Keys that AWS evaluates and this server cannot.
_ELSEWHERE = """
    aws:calledvia aws:calledviafirst aws:calledvialast aws:federatedprovider aws:principalorgid
    aws:principalorgpaths aws:principalservicenameslist aws:principaltag aws:requesttag
    aws:resourceorgid aws:resourceorgpaths aws:resourcetag aws:sourceidentity aws:sourceorgid
    aws:sourceorgpaths aws:sourceowner aws:sourcevpc aws:sourcevpce aws:tagkeys aws:viaawsservice
    aws:vpcsourceip s3:accessgrantsinstancearn s3:accesspointnetworkorigin
    s3:buckettag s3:dataaccesspointaccount s3:dataaccesspointarn
    s3:inventoryaccessibleoptionalfields s3:locationconstraint s3:objectcreationoperation
    s3:tlsversion
"""
ELSEWHERE = frozenset(_ELSEWHERE.split())


def getter(key: str) -> Getter | None:
    """Return the function that gets a key's values; None if it cannot be evaluated here.

    Names of keys are case-insensitive; the names of tags after the slash are not.
    """
    name = key.lower()
    tag = key.partition("/")[2]
    if name.startswith(_EXISTING_TAG) and tag:
        return lambda request: _one(request.object.tags.get(tag))
    if name.startswith(_SENT_TAG) and tag:
        return lambda request: _one(_tags_sent(request).get(tag))
    return GETTERS.get(name)


def wanted_value(key: str, text: str) -> str:
    """Return a policy's value as requests have it: with the root account's number for its id."""
    return text.replace(ROOT_ACCOUNT, ROOT_ACCOUNT_NUMBER) if key.lower() in _OF_ACCOUNTS else text


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address; an IPv4 address mapped to IPv6 becomes IPv4 again."""
    try:
        read = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(read, "ipv4_mapped", None)
    return mapped or read
