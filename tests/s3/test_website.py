"""Buckets as websites: pages, redirects, and errors for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from s3gw.identity.accounts import Accounts
from s3gw.server.app import App
from s3gw.website.app import WebsiteApp
from storage.backends.memory import MemoryBackend
from storage.errors import Corrupt
from storage.values import READ_ALL, Reading, ReadOptions
from tests.asgi import Answer, AsgiServer
from tests.s3.gateway import ROOT, Gateway, Quiet
from tests.services import new_services

DOMAIN = "web.example.com"
INDEX = {"IndexDocument": {"Suffix": "index.html"}}
WITH_ERRORS = {**INDEX, "ErrorDocument": {"Key": "error.html"}}
TO_ANOTHER = {"RedirectAllRequestsTo": {"HostName": "example.org", "Protocol": "https"}}


async def elsewhere(scope: Any, receive: Any, send: Any) -> None:
    """What stands in for S3, health and metrics: no website."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Sites:
    """S3 to write with, and websites to look at."""

    def __init__(self, store: MemoryBackend) -> None:
        self.gateway = Gateway(store)
        self.observer = Quiet()
        websites = WebsiteApp(
            domains=(DOMAIN,),
            observer=self.observer,  # type: ignore[arg-type]
            services=new_services(store, Accounts(ROOT)),
        )
        app = App(
            s3=elsewhere,
            native=elsewhere,
            health=elsewhere,
            metrics=elsewhere,
            websites=websites,
        )
        self._server = AsgiServer(app)

    def close(self) -> None:
        self.gateway.close()
        self._server.close()

    def ask(self, method: str, host: str, target: str, **more: str) -> Answer:
        headers = [("host", host), *((name.replace("_", "-"), text) for name, text in more.items())]
        return self._server.request(method, target, headers)


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    sites = Sites(MemoryBackend())
    yield sites
    sites.close()


@pytest.fixture
def client(sites: Sites) -> Any:
    return sites.gateway.client()


class Site:
    """One bucket as a website."""

    def __init__(self, sites: Sites) -> None:
        self.bucket = sites.gateway.new_bucket()
        self.host = f"{self.bucket}.{DOMAIN}"
        self._sites = sites
        self._client = sites.gateway.client()
        self._let_in()

    def _let_in(self) -> None:
        """Everybody may read all but what begins with `secret`, and may know what is there."""
        arn = f"arn:aws:s3:::{self.bucket}"
        rows = [
            ("Allow", "s3:GetObject", f"{arn}/*"),
            ("Deny", "s3:GetObject", f"{arn}/secret*"),
            ("Allow", "s3:ListBucket", arn),
        ]
        statements = [
            {"Effect": effect, "Principal": "*", "Action": action, "Resource": resource}
            for effect, action, resource in rows
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self._client.put_bucket_policy(Bucket=self.bucket, Policy=policy)

    def close_doors(self) -> None:
        self._client.delete_bucket_policy(Bucket=self.bucket)

    def configure(self, configuration: dict[str, Any]) -> None:
        self._client.put_bucket_website(Bucket=self.bucket, WebsiteConfiguration=configuration)

    def put(self, key: str, body: str = "", **more: str) -> None:
        more.setdefault("ContentType", "text/html")
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body.encode(), **more)

    def get(self, target: str, method: str = "GET", **headers: Any) -> Answer:
        return self._sites.ask(method, self.host, target, **headers)


@pytest.fixture
def site(sites: Sites) -> Site:
    return Site(sites)


# Pages


def test_a_page_is_the_object_with_its_headers(site: Site) -> None:
    site.configure(INDEX)
    site.put("a b/ü.css", "body", ContentType="text/css", CacheControl="max-age=1")
    page = site.get("/a%20b/%C3%BC.css?versionId=ignored&response-content-type=x")
    assert (page.status, page.body) == (200, b"body")
    assert page.headers["content-type"] == "text/css"
    assert page.headers["cache-control"] == "max-age=1"
    assert site.get("/a%20b/%C3%BC.css", range="bytes=1-2").body == b"od"
    etag = page.headers["etag"]
    assert site.get("/a%20b/%C3%BC.css", if_none_match=etag).status == 304
    head = site.get("/a%20b/%C3%BC.css", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "4")


@pytest.mark.parametrize(("target", "key"), [("/", "index.html"), ("/a/b/", "a/b/index.html")])
def test_a_folder_shows_its_index_document(site: Site, target: str, key: str) -> None:
    site.configure(INDEX)
    site.put(key, "index")
    assert site.get(target).body == b"index"


def test_the_name_of_a_folder_leads_to_its_slash(site: Site) -> None:
    site.configure(WITH_ERRORS)
    site.put("a ü/index.html", "index")
    page = site.get("/a%20%C3%BC", if_match='"other"')
    assert (page.status, page.headers["location"]) == (302, "/a%20%C3%BC/")
    site.put("a ü", "an object of that name")
    assert site.get("/a%20%C3%BC").status == 200


def test_a_folder_cannot_lead_to_another_host(site: Site) -> None:
    site.configure(INDEX)
    site.put("/evil.example.com/index.html", "index")
    page = site.get("//evil.example.com")
    assert (page.status, page.headers["location"]) == (302, "/%2Fevil.example.com/")
    assert site.get("/%2Fevil.example.com/").body == b"index"


@pytest.mark.parametrize("path", ["/metrics", "/v1/health", "/s3", "/s3/k"])
def test_every_path_of_a_website_is_a_page(site: Site, path: str) -> None:
    site.configure(INDEX)
    site.put(path[1:], "page")
    assert site.get(path).body == b"page"


@pytest.mark.parametrize("host", ["{}.web.example.com:8080", "{}.WEB.example.com"])
def test_a_website_is_found_by_its_host(sites: Sites, site: Site, host: str) -> None:
    site.configure(INDEX)
    site.put("index.html", "index")
    assert sites.ask("GET", host.format(site.bucket), "/").body == b"index"


@pytest.mark.parametrize("host", ["web.example.com", "{}.example.com", "{}", ""])
def test_other_hosts_are_no_websites(sites: Sites, site: Site, host: str) -> None:
    site.configure(INDEX)
    assert sites.ask("GET", host.format(site.bucket), "/").status == 418


# Errors


def test_an_error_is_a_page_that_says_what_went_wrong(sites: Sites, site: Site) -> None:
    site.configure(INDEX)
    page = site.get("/%3Cscript%3E")
    text = page.body.decode()
    assert page.status == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-amz-error-code"] == "NoSuchKey"
    assert "<h1>404 Not Found</h1>" in text
    assert "<li>Code: NoSuchKey</li>" in text
    assert "<li>Key: &lt;script&gt;</li>" in text
    assert f"<li>RequestId: {page.headers['x-amz-request-id']}</li>" in text
    assert site.get("/", "HEAD").body == b""
    exchange = sites.observer.exchanges[-1]
    assert (exchange.operation, exchange.error_code) == ("WebsiteHeadObject", "NoSuchKey")
    assert (exchange.bucket, exchange.status) == (site.bucket, 404)


def test_the_buckets_own_page_for_errors_has_the_errors_status(site: Site) -> None:
    site.configure(WITH_ERRORS)
    first = site.get("/nope")
    assert b"Attempting to Retrieve a Custom Error Document" in first.body
    assert b"<li>Key: error.html</li>" in first.body
    site.put("error.html", "sorry")
    page = site.get("/nope", range="bytes=0-1", if_none_match="*")
    assert (page.status, page.body) == (404, b"sorry")
    assert page.headers["content-type"] == "text/html"
    assert page.headers["x-amz-error-code"] == "NoSuchKey"
    assert site.get("/nope", "HEAD").headers["content-length"] == "5"


def test_a_page_that_may_not_be_read_is_forbidden(sites: Sites, site: Site) -> None:
    site.configure(WITH_ERRORS)
    site.put("secret.html", "secret")
    site.put("error.html", "sorry")
    page = site.get("/secret.html")
    assert (page.status, page.body) == (403, b"sorry")
    assert page.headers["x-amz-error-code"] == "AccessDenied"


def test_strangers_read_nothing_of_a_plain_bucket(sites: Sites, site: Site) -> None:
    site.configure(WITH_ERRORS)
    site.close_doors()
    for key in ("index.html", "error.html"):
        site.put(key, "secret")
    for target in ("/", "/index.html", "/nope"):
        page = site.get(target)
        assert page.status == 403
        assert b"<li>Code: AccessDenied</li>" in page.body
        assert b"secret" not in page.body


def test_signing_makes_nobody_somebody(site: Site) -> None:
    site.configure(INDEX)
    site.put("secret.html", "secret")
    for target in ("/secret.html", "/secret.html?X-Amz-Signature=x"):
        assert site.get(target, authorization="AWS4-HMAC-SHA256 x").status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_website_can_only_be_read(client: Any, site: Site, method: str) -> None:
    site.configure(WITH_ERRORS)
    site.put("k", "before")
    page = site.get("/k", method)
    assert (page.status, page.headers["x-amz-error-code"]) == (405, "MethodNotAllowed")
    assert b"<li>Method: " in page.body
    assert client.get_object(Bucket=site.bucket, Key="k")["Body"].read() == b"before"


def test_a_bucket_without_a_configuration_is_no_website(sites: Sites, site: Site) -> None:
    site.put("index.html", "index")
    page = site.get("/index.html")
    assert (page.status, page.headers["x-amz-error-code"]) == (404, "NoSuchWebsiteConfiguration")
    missing = sites.ask("GET", f"no-such-bucket.{DOMAIN}", "/")
    assert (missing.status, missing.headers["x-amz-error-code"]) == (404, "NoSuchBucket")
    assert b"<li>BucketName: no-such-bucket</li>" in missing.body


def test_what_no_path_can_be_is_an_error_for_people_too(site: Site) -> None:
    site.configure(INDEX)
    page = site.get("/%ff")
    assert (page.status, page.headers["x-amz-error-code"]) == (400, "InvalidURI")
    assert page.body.startswith(b"<html>")
    assert site.get("/" + "k" * 1024).status == 404
    assert site.get("/" + "k" * 1023 + "/").status in (400, 404)


class Damaged(MemoryBackend):
    """A store whose pages can no longer be read."""

    async def get_object(self, bucket: str, name: str, options: ReadOptions = READ_ALL) -> Reading:
        if name == "broken.html":
            raise Corrupt(name)
        return await super().get_object(bucket, name, options)


def test_an_error_of_our_own_is_logged_and_has_no_custom_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sites = Sites(Damaged())
    site = Site(sites)
    site.configure(WITH_ERRORS)
    for key in ("broken.html", "error.html"):
        site.put(key, "page")
    page = site.get("/broken.html")
    sites.close()
    assert (page.status, page.headers["x-amz-error-code"]) == (500, "InternalError")
    assert b"page" not in page.body
    assert sites.observer.exchanges[-1].error_code == "InternalError"
    assert [record.message for record in caplog.records] == ["request failed"]


# Redirects


def test_a_whole_website_may_have_moved(site: Site) -> None:
    site.configure(TO_ANOTHER)
    page = site.get("/a%20b/?x=1&y=%20")
    assert page.status == 301
    assert page.headers["location"] == "https://example.org/a%20b/?x=1&y=%20"
    site.configure({"RedirectAllRequestsTo": {"HostName": "example.org"}})
    assert site.get("/").headers["location"] == "http://example.org/"


def test_an_object_may_have_moved(client: Any, site: Site) -> None:
    site.configure(WITH_ERRORS)
    site.put("old", "body", WebsiteRedirectLocation="/new ü?x=1#top")
    page = site.get("/old")
    assert (page.status, page.body) == (301, b"")
    assert page.headers["location"] == "/new%20%C3%BC?x=1#top"
    site.put("error.html", WebsiteRedirectLocation="https://example.org/sorry")
    page = site.get("/nope")
    assert (page.status, page.headers["location"]) == (301, "https://example.org/sorry")
    s3_answer = client.get_object(Bucket=site.bucket, Key="old")
    assert s3_answer["Body"].read() == b"body"


def test_a_copy_does_not_redirect_unless_it_says_so(client: Any, site: Site) -> None:
    site.put("old", "body", WebsiteRedirectLocation="/new", CacheControl="max-age=1")
    source = {"Bucket": site.bucket, "Key": "old"}
    client.copy_object(Bucket=site.bucket, Key="copy", CopySource=source)
    copied = client.head_object(Bucket=site.bucket, Key="copy")
    assert "WebsiteRedirectLocation" not in copied
    assert copied["CacheControl"] == "max-age=1"
    client.copy_object(
        Bucket=site.bucket, Key="copy", CopySource=source, WebsiteRedirectLocation="/other"
    )
    copied = client.head_object(Bucket=site.bucket, Key="copy")
    assert (copied["WebsiteRedirectLocation"], copied["CacheControl"]) == ("/other", "max-age=1")


def test_rules_come_before_objects_and_error_rules_before_the_error_document(site: Site) -> None:
    rules = [
        {
            "Condition": {"KeyPrefixEquals": "both/", "HttpErrorCodeReturnedEquals": "404"},
            "Redirect": {"ReplaceKeyWith": "both.html"},
        },
        {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "d/"}},
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404"},
            "Redirect": {"HostName": "example.org", "HttpRedirectCode": "307"},
        },
        {"Condition": {"KeyPrefixEquals": "index"}, "Redirect": {"ReplaceKeyWith": "never"}},
    ]
    site.configure({**WITH_ERRORS, "RoutingRules": rules})
    for key in ("docs/a", "both/there", "index.html", "error.html"):
        site.put(key, key, **({"WebsiteRedirectLocation": "/x"} if key == "docs/a" else {}))
    here = f"http://{site.host}"
    assert moved(site.get("/docs/a")) == (301, f"{here}/d/a")
    assert moved(site.get("/docs/a", x_forwarded_proto="https")) == (
        301,
        f"https://{site.host}/d/a",
    )
    assert moved(site.get("/both/nope")) == (301, f"{here}/both.html")
    assert moved(site.get("/both/")) == (301, f"{here}/both.html")
    assert moved(site.get("/nope")) == (307, "http://example.org/nope")
    assert site.get("/both/there").body == b"both/there"
    # The key that is asked for is empty; that of the index document is not matched.
    assert site.get("/").body == b"index.html"


def moved(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers["location"]


# Other origins


def test_pages_and_their_errors_tell_browsers_of_other_origins(client: Any, site: Site) -> None:
    site.configure(INDEX)
    site.put("font", "font")
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}
    client.put_bucket_cors(Bucket=site.bucket, CORSConfiguration={"CORSRules": [rule]})
    for target, status in (("/font", 200), ("/nope", 404)):
        page = site.get(target, origin="https://a.example")
        assert page.status == status
        assert page.headers["access-control-allow-origin"] == "https://a.example"
    asked = site.get(
        "/font", "OPTIONS", origin="https://a.example", access_control_request_method="GET"
    )
    assert (asked.status, asked.headers["access-control-allow-methods"]) == (200, "GET")
    refused = site.get("/font", "OPTIONS")
    assert (refused.status, refused.headers["x-amz-error-code"]) == (400, "BadRequest")
