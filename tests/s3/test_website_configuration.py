"""The website configuration of a bucket: the document, and where its rules lead."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from s3gw.s3.website_configuration import (
    Condition,
    Place,
    Redirect,
    RoutingRule,
    RoutingRules,
    find_redirection,
    location_of,
)

INDEX = {"IndexDocument": {"Suffix": "index.html"}}
WITH_ERRORS = {**INDEX, "ErrorDocument": {"Key": "error.html"}}
WHOLE = {
    **WITH_ERRORS,
    "RoutingRules": [
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "a/"},
            "Redirect": {"HostName": "h:80", "Protocol": "https", "ReplaceKeyPrefixWith": ""},
        },
        {"Redirect": {"HttpRedirectCode": "302", "ReplaceKeyWith": "k"}},
    ],
}
TO_ANOTHER = {"RedirectAllRequestsTo": {"HostName": "example.org", "Protocol": "https"}}


def configure(s3: Any, bucket: str, configuration: Any) -> None:
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)


@pytest.mark.parametrize("configuration", [INDEX, WITH_ERRORS, WHOLE, TO_ANOTHER])
def test_a_configuration_is_kept_as_it_was_given_and_deleted(
    s3: Any, bucket: str, configuration: dict[str, Any]
) -> None:
    configure(s3, bucket, configuration)
    found = s3.get_bucket_website(Bucket=bucket)
    del found["ResponseMetadata"]
    assert found == configuration
    s3.delete_bucket_website(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchWebsiteConfiguration"):
        s3.get_bucket_website(Bucket=bucket)


def ruled(redirect: dict[str, str], condition: dict[str, str] | None = None) -> dict[str, Any]:
    rule: dict[str, Any] = {"Redirect": redirect}
    if condition is not None:
        rule["Condition"] = condition
    return {**INDEX, "RoutingRules": [rule]}


REFUSED = [
    ({"IndexDocument": {"Suffix": "/index.html"}}, "InvalidArgument"),
    ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument"),
    ({"ErrorDocument": {"Key": "error.html"}}, "InvalidArgument"),
    ({**TO_ANOTHER, **INDEX}, "InvalidArgument"),
    ({"RedirectAllRequestsTo": {"HostName": ""}}, "InvalidRequest"),
    ({"RedirectAllRequestsTo": {"HostName": "a\r\nb: c"}}, "InvalidRequest"),
    (ruled({"Protocol": "ftp"}), "InvalidRequest"),
    (ruled({"ReplaceKeyPrefixWith": "p", "ReplaceKeyWith": "k"}), "InvalidRequest"),
    (ruled({"ReplaceKeyWith": "k"}, {}), "InvalidRequest"),
    (ruled({"ReplaceKeyWith": "k"}, {"HttpErrorCodeReturnedEquals": "200"}), "InvalidRequest"),
    (ruled({"HttpRedirectCode": "300"}), "InvalidRequest"),
    (ruled({"HttpRedirectCode": "3xx"}), "InvalidRequest"),
    (ruled({}), "MalformedXML"),
    ({**INDEX, "RoutingRules": []}, "MalformedXML"),
    ({**INDEX, "RoutingRules": [{"Redirect": {"HostName": "h"}}] * 51}, "InvalidRequest"),
]


@pytest.mark.parametrize(("configuration", "code"), REFUSED)
def test_a_configuration_that_aws_refuses_leaves_the_old_one(
    s3: Any, bucket: str, configuration: dict[str, Any], code: str
) -> None:
    configure(s3, bucket, INDEX)
    with pytest.raises(ClientError, match=code):
        configure(s3, bucket, configuration)
    assert s3.get_bucket_website(Bucket=bucket)["IndexDocument"] == INDEX["IndexDocument"]


def test_fifty_rules_are_taken(s3: Any, bucket: str) -> None:
    configure(s3, bucket, {**INDEX, "RoutingRules": [{"Redirect": {"HostName": "h"}}] * 50})


@pytest.mark.parametrize("location", ["else/where", "ftp://x", "/" + "x" * 2048])
def test_an_object_redirects_to_a_path_or_a_url_only(s3: Any, bucket: str, location: str) -> None:
    with pytest.raises(ClientError, match="InvalidRedirectLocation"):
        s3.put_object(Bucket=bucket, Key="k", WebsiteRedirectLocation=location)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key="k")


# The rules themselves

KEY = st.text("ab/ü ?%", max_size=6)


def rules_of(*rules: RoutingRule) -> RoutingRules:
    return RoutingRules(rules)


@given(KEY, KEY, KEY)
def test_a_prefix_is_replaced_and_the_rest_of_the_key_stays(
    prefix: str, rest: str, replacement: str
) -> None:
    rule = RoutingRule(Redirect(replace_key_prefix_with="new/"), Condition(None, prefix))
    found = find_redirection(rules_of(rule), Place("http", "h", prefix + rest))
    assert found is not None
    url = urlsplit(found.location)
    assert (url.scheme, url.netloc, url.query) == ("http", "h", "")
    assert unquote(url.path) == "/new/" + rest
    assert found.location.isascii()


@given(KEY, st.sampled_from([None, 403, 404, 500]), st.sampled_from([None, "403", "404"]))
def test_a_rule_for_an_error_waits_for_that_error(
    key: str, error: int | None, code: str | None
) -> None:
    rule = RoutingRule(Redirect(host_name="other"), Condition(code, "a"))
    found = find_redirection(rules_of(rule), Place("https", "h", key), error)
    matches = key.startswith("a") and (code is None or code == str(error))
    assert (found is not None) == matches


@given(KEY, st.lists(KEY, max_size=4))
def test_the_first_rule_that_matches_decides(key: str, prefixes: list[str]) -> None:
    rules = [
        RoutingRule(Redirect(replace_key_with=str(n)), Condition(None, prefix))
        for n, prefix in enumerate(prefixes)
    ]
    found = find_redirection(rules_of(*rules), Place("http", "h", key))
    first = next((n for n, prefix in enumerate(prefixes) if key.startswith(prefix)), None)
    assert (found.location if found else None) == (None if first is None else f"http://h/{first}")


@given(st.text(max_size=20))
def test_a_location_is_a_path_of_this_host(key: str) -> None:
    location = location_of(key.encode("utf-8", "replace").decode())
    assert location.isascii()
    assert location.isprintable()
    assert not location.startswith("//")
    assert urlsplit(location).netloc == ""
