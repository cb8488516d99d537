"""Website of a bucket: the document, its validation, and its redirects.

Everything is redirected to another host, or there is an index document, perhaps a document for
errors, and rules. A rule may have conditions on a prefix of the requested key, on the status of the
error that the request would end with, or on both; the first match decides. Parts of the address
that a redirect does not set (protocol, host, key) stay as requested. Nothing here knows of
requests: `s3gw.website.app` does.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from msgspec import Struct

from s3gw.wire.errors import Code, S3Error
from s3gw.wire.xmldoc import document, named
from storage.settings import Setting, encoded

MAX_ROUTING_RULES = 50
MAX_BYTES = 128 << 10
MOVED = 301

_PROTOCOLS = (None, "http", "https")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?")
# All that a URL may hold: a rule may lead to a path with a query. Escapes are kept.
_URL = "%/?#[]@!$&'()*+,;=:~"
_PATH = "/!$&'()*+,;=:@~"


@dataclass(frozen=True, slots=True)
class RedirectAllRequestsTo:
    host_name: str
    protocol: str | None = None


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """`suffix` is added to a key that ends with a slash, or is empty."""

    suffix: str


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """`key` is the page for any error of the client."""

    key: str


@dataclass(frozen=True, slots=True)
class Condition:
    http_error_code_returned_equals: str | None = None
    key_prefix_equals: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    host_name: str | None = None
    http_redirect_code: str | None = None
    protocol: str | None = None
    replace_key_prefix_with: str | None = None
    replace_key_with: str | None = None


@dataclass(frozen=True, slots=True)
class RoutingRule:
    redirect: Redirect
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """A separate class, so that a document without rules has no element for them."""

    rules: tuple[RoutingRule, ...] = named("RoutingRule", default=())


@document("WebsiteConfiguration")
@dataclass(frozen=True, slots=True)
class WebsiteConfiguration:
    redirect_all_requests_to: RedirectAllRequestsTo | None = None
    index_document: IndexDocument | None = None
    error_document: ErrorDocument | None = None
    routing_rules: RoutingRules | None = None


class WebsiteSetting(Setting, frozen=True):
    setting_name: ClassVar[str] = "website"
    configuration: WebsiteConfiguration


def check_website(website: WebsiteConfiguration) -> WebsiteSetting:
    """Return the configuration as it is kept. Raise `InvalidArgument`, `InvalidRequest`,
    `MalformedXML`."""
    if website.redirect_all_requests_to is not None:
        _check_redirect_all(website, website.redirect_all_requests_to)
    else:
        _check_documents(website)
    if website.routing_rules is not None:
        _check_rules(website.routing_rules.rules)
    setting = WebsiteSetting(website)
    if len(encoded(setting).encode()) > MAX_BYTES:
        raise S3Error(Code.MaxMessageLengthExceeded, MaxMessageLengthBytes=str(MAX_BYTES))
    return setting


def _check_redirect_all(website: WebsiteConfiguration, target: RedirectAllRequestsTo) -> None:
    if website.index_document or website.error_document or website.routing_rules:
        message = (
            "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."
        )
        raise _argument("RedirectAllRequestsTo", "not null", message)
    _check_target(target.host_name, target.protocol)


def _check_documents(website: WebsiteConfiguration) -> None:
    if website.index_document is None:
        message = (
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"
        )
        raise _argument("IndexDocument", "null", message)
    suffix = website.index_document.suffix
    if not suffix or "/" in suffix:
        message = "The IndexDocument Suffix is not well formed"
        raise _argument("IndexDocument", suffix, message)
    if website.error_document is not None and not website.error_document.key:
        raise _argument("ErrorDocument", "", "The ErrorDocument Key is not well formed")


def _argument(name: str, value: str, message: str) -> S3Error:
    return S3Error(Code.InvalidArgument, message, ArgumentName=name, ArgumentValue=value)


def _check_rules(rules: tuple[RoutingRule, ...]) -> None:
    if not rules:
        raise S3Error(Code.MalformedXML)
    if len(rules) > MAX_ROUTING_RULES:
        message = (
            f"{len(rules)} routing rules provided, the number of routing rules in a website "
            f"configuration is limited to {MAX_ROUTING_RULES}."
        )
        raise S3Error(Code.InvalidRequest, message)
    for rule in rules:
        if rule.condition is not None:
            _check_condition(rule.condition)
        _check_redirect(rule.redirect)


def _check_condition(condition: Condition) -> None:
    if condition == Condition():
        message = (
            "Condition cannot be empty. To redirect all requests without a condition, the "
            "condition element shouldn't be present."
        )
        raise S3Error(Code.InvalidRequest, message)
    code = condition.http_error_code_returned_equals
    if code is not None and not re.fullmatch("[45][0-9][0-9]", code):
        message = f"The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX."
        raise S3Error(Code.InvalidRequest, message)


def _check_redirect(redirect: Redirect) -> None:
    if redirect == Redirect():
        raise S3Error(Code.MalformedXML)
    if redirect.replace_key_with is not None and redirect.replace_key_prefix_with is not None:
        message = "You can only define ReplaceKeyPrefix or ReplaceKey but not both."
        raise S3Error(Code.InvalidRequest, message)
    code = redirect.http_redirect_code
    if code is not None and not re.fullmatch("3(0[1-9]|[1-9][0-9])", code):
        message = (
            f"The provided HTTP redirect code ({code}) is not valid. "
            "Valid codes are 3XX except 300."
        )
        raise S3Error(Code.InvalidRequest, message)
    _check_target(redirect.host_name, redirect.protocol)


def _check_target(host: str | None, protocol: str | None) -> None:
    if protocol not in _PROTOCOLS:
        message = (
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be "
            "selected automatically."
        )
        raise S3Error(Code.InvalidRequest, message)
    if host is not None and not _HOST.fullmatch(host):
        raise S3Error(Code.InvalidRequest, f"The provided host name ({host}) is not valid.")


class Place(Struct, frozen=True):
    """The place that a request is for: `key` is what its path names, decoded."""

    protocol: str
    host: str
    key: str


class Redirection(Struct, frozen=True):
    status: int
    location: str


def find_redirection(
    rules: RoutingRules | None, place: Place, error: int | None = None
) -> Redirection | None:
    """Return the redirect of the first rule that matches the key, and the status of the error
    (None: no error yet, and rules for errors do not match)."""
    for rule in rules.rules if rules else ():
        condition = rule.condition or Condition()
        prefix, code = condition.key_prefix_equals or "", condition.http_error_code_returned_equals
        if place.key.startswith(prefix) and (code is None or code == str(error)):
            return _redirected(rule.redirect, place, prefix)
    return None


def _redirected(redirect: Redirect, place: Place, prefix: str) -> Redirection:
    if redirect.replace_key_with is not None:
        path = _replacement(redirect.replace_key_with)
    elif redirect.replace_key_prefix_with is not None:
        rest = quote(place.key[len(prefix) :], safe=_PATH)
        path = _replacement(redirect.replace_key_prefix_with) + rest
    else:
        path = quote(place.key, safe=_PATH)
    protocol, host = redirect.protocol or place.protocol, redirect.host_name or place.host
    status = int(redirect.http_redirect_code or MOVED)
    return Redirection(status, f"{protocol}://{host}/{path}")


def _replacement(text: str) -> str:
    """Return the new start of a key. Keys have no leading slash, but people write one."""
    return quote(text.removeprefix("/"), safe=_URL)


def redirect_all(target: RedirectAllRequestsTo, place: Place, query: str) -> Redirection:
    """Return the redirect to another host, with the same path and query; `query` is decoded as
    latin-1."""
    path = quote(place.key, safe=_PATH)
    if query:
        path += "?" + quote(query, safe=_URL, encoding="latin-1")
    protocol = target.protocol or place.protocol
    return Redirection(MOVED, f"{protocol}://{target.host_name}/{path}")


def location_of(key: str) -> str:
    """Return the key as the path of a website; two leading slashes would be another host."""
    path = quote(key, safe=_PATH)
    return "/%2F" + path[1:] if path.startswith("/") else "/" + path


def safe_location(location: str) -> str:
    """Return an object's redirect location, fit for a header.

    It came in a header, so its characters are bytes, unless it came in a form.
    """
    in_header = location.isascii() or max(location) <= "\xff"
    return quote(location, safe=_URL, encoding="latin-1" if in_header else "utf-8")


def index_key(website: WebsiteConfiguration, key: str) -> str:
    """Return the key of the page: that of the index document for a folder."""
    suffix = website.index_document.suffix if website.index_document else ""
    return key + suffix if not key or key.endswith("/") else key
