"""Server-side fetches, with real sockets: what they reach, and what they do not."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from s3gw.outbound.addresses import Allowed
from s3gw.outbound.client import Outbound
from s3gw.outbound.fetch import Fetch, Fetched, OutboundError, Refused, TooLarge
from tests.server.test_config import loaded

LIMIT = 1000
NAME = "fetched.example"
# An address of this machine that is not 127.0.0.1, so that one can be allowed without the other.
OTHER = "127.0.0.2"


class Site:
    """Answers each path as `answers` says: status, headers, body."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def redirect(self, path: str, location: str) -> str:
        self.answers[path] = (302, {"Location": location}, b"")
        return self.url(path)

    def page(self, path: str, body: bytes = b"page") -> str:
        self.answers[path] = (200, {}, body)
        return self.url(path)


@contextmanager
def listening(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, headers, body = site.answers[self.path]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("0.0.0.0", 0), Handler) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with listening(Site()) as made:
        yield made


class Answers(AbstractResolver):
    """Gives one answer after the other, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            {"hostname": host, "host": each, "port": port, "proto": 0, "flags": 0,
             "family": socket.AF_INET6 if ":" in each else socket.AF_INET}
            for each in found
        ]  # fmt: skip

    async def close(self) -> None:
        pass


def fetch(
    *wanted: Fetch | str, allow: list[str] | None = None, resolver: AbstractResolver | None = None
) -> Fetched:
    """The last one's answer."""

    async def run() -> Fetched:
        async with Outbound(Allowed.parse(allow or []), resolver) as outbound:
            for each in wanted:
                one = Fetch(each) if isinstance(each, str) else each
                answer = await outbound.get(one, limit_bytes=LIMIT)
            return answer

    return asyncio.run(run())


def test_an_allowed_address_is_fetched_from(site: Site) -> None:
    site.page("/keys")
    assert fetch(site.url("/keys"), allow=["127.0.0.1"]).body == b"page"
    assert fetch(site.url("/keys"), allow=["127.0.0.0/8"]).status == 200


def test_a_host_may_be_allowed_by_its_name(site: Site) -> None:
    site.page("/keys")
    resolver = Answers(["127.0.0.1"])
    answer = fetch(site.url("/keys", NAME), allow=[NAME.upper()], resolver=resolver)
    assert answer.body == b"page"
    with pytest.raises(Refused):
        fetch(site.url("/keys", "other.example"), allow=[NAME], resolver=resolver)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433"],
)
def test_this_machine_is_refused_in_every_spelling(site: Site, host: str) -> None:
    site.page("/")
    with pytest.raises(OutboundError):
        fetch(site.url("/", host))
    assert site.asked == []


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "[fe80::1]", "[fd00::1]"])
def test_a_private_address_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(Refused, match=r"outbound\.allow"):
        fetch(f"http://{address}/latest/meta-data/")


def test_a_name_that_stands_for_a_private_address_is_refused(site: Site) -> None:
    site.page("/")
    with pytest.raises(Refused, match=f"^{NAME} is at an address"):
        fetch(site.url("/", NAME), resolver=Answers(["127.0.0.1"]))
    with pytest.raises(Refused):
        fetch(site.url("/", NAME), resolver=Answers(["127.0.0.1", "::1", "10.0.0.1"]))
    assert site.asked == []


def test_a_redirect_to_a_private_address_is_refused(site: Site) -> None:
    site.page("/secret")
    start = site.redirect("/start", site.url("/secret", OTHER))
    with pytest.raises(Refused, match=OTHER):
        fetch(start, allow=["127.0.0.1"])
    assert [path for path, _ in site.asked] == ["/start"]


def test_a_name_that_changes_its_address_between_hops_is_refused(site: Site) -> None:
    """The first answer is an address that is allowed, the second one is not."""
    site.answers["/start"] = (302, {"Location": "/secret", "Connection": "close"}, b"")
    site.page("/secret")
    resolver = Answers(["127.0.0.1"], [OTHER])
    with pytest.raises(Refused, match=r"outbound\.allow"):
        fetch(site.url("/start", NAME), allow=["127.0.0.1"], resolver=resolver)
    assert [path for path, _ in site.asked] == ["/start"]


def test_of_several_addresses_only_one_that_is_allowed_is_used(site: Site) -> None:
    site.page("/")
    resolver = Answers([OTHER, "127.0.0.1"])
    assert fetch(site.url("/", NAME), allow=["127.0.0.1"], resolver=resolver).body == b"page"


def test_redirects_are_followed_up_to_their_limit(site: Site) -> None:
    site.redirect("/3", "/2")
    site.redirect("/2", "/1")
    site.redirect("/1", "/0")
    site.page("/0", b"end")
    allow = ["127.0.0.1"]
    assert fetch(Fetch(site.url("/3"), max_redirects=3), allow=allow).body == b"end"
    with pytest.raises(Refused, match="redirects more than 2 times"):
        fetch(Fetch(site.url("/3"), max_redirects=2), allow=allow)


def test_credentials_do_not_follow_to_another_origin(site: Site) -> None:
    site.redirect("/same", "/away")
    site.redirect("/away", site.url("/there", OTHER))
    site.page("/there")
    headers = {"Authorization": "Bearer token", "Accept": "application/json"}
    fetch(Fetch(site.url("/same"), headers=headers), allow=["127.0.0.0/8"])
    sent = dict(site.asked)
    assert sent["/same"]["authorization"] == sent["/away"]["authorization"] == "Bearer token"
    assert "authorization" not in sent["/there"]
    assert sent["/there"]["accept"] == "application/json"


@pytest.mark.parametrize(
    "location",
    ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://[", "//:0", "http:"],
)
def test_a_redirect_to_what_is_no_web_page_is_refused(site: Site, location: str) -> None:
    start = site.redirect("/start", location)
    with pytest.raises(Refused):
        fetch(start, allow=["127.0.0.0/8"])


@pytest.mark.parametrize(
    "url",
    ["", "/path", "file:///etc/passwd", "ftp://example.com/", "http://", "https://[::1", "x:"],
)
def test_only_web_pages_are_fetched(url: str) -> None:
    with pytest.raises(Refused):
        fetch(url)


def test_plain_http_is_refused_where_only_https_will_do(site: Site) -> None:
    with pytest.raises(Refused, match="only https URLs"):
        fetch(Fetch(site.page("/"), https_only=True), allow=["127.0.0.1"])


def test_a_password_in_the_url_is_refused_and_not_repeated(site: Site) -> None:
    with pytest.raises(Refused) as caught:
        fetch(site.url("/", "user:hunter2@127.0.0.1"), allow=["127.0.0.1"])
    assert "hunter2" not in str(caught.value)


def test_an_answer_may_be_as_large_as_was_asked_for_and_no_larger(site: Site) -> None:
    site.page("/fits", b"x" * LIMIT)
    site.page("/larger", b"x" * (LIMIT + 1))
    assert len(fetch(site.url("/fits"), allow=["127.0.0.1"]).body) == LIMIT
    with pytest.raises(TooLarge, match=f"127.0.0.1 sent more than {LIMIT} bytes"):
        fetch(site.url("/larger"), allow=["127.0.0.1"])


def test_an_error_names_the_host_and_nothing_of_the_query(site: Site) -> None:
    site.answers["/broken?token=hunter2"] = (200, {"Content-Length": "10"}, b"short")
    with pytest.raises(OutboundError) as caught:
        fetch(site.url("/broken?token=hunter2"), allow=["127.0.0.1"])
    assert "127.0.0.1" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_host_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(OutboundError, match=r"127\.0\.0\.1 did not answer in time"):
            fetch(Fetch(url, timeout_s=0.01), allow=["127.0.0.1"])


def test_a_status_that_is_no_redirect_is_the_callers_business(site: Site) -> None:
    site.answers["/"] = (404, {}, b"nothing here")
    answer = fetch(site.url("/"), allow=["127.0.0.1"])
    assert (answer.status, answer.body) == (404, b"nothing here")


def test_the_proxies_of_the_environment_are_not_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert fetch(site.page("/"), allow=["127.0.0.1"]).body == b"page"


@pytest.mark.parametrize("item", ["10.0.0.0/8", "fd00::/8", "127.0.0.1", "::1", "idp.corp", "x"])
def test_hosts_and_networks_can_be_allowed(item: str) -> None:
    environ = {"S3GW_OUTBOUND_ALLOW": item}
    assert loaded(environ=environ).config.outbound.allow == (item,)


@pytest.mark.parametrize("item", ["10.0.0.1/8", "1.2.3", "300.1.1.1", "fd00::/129", "a b", "h:80"])
def test_what_is_no_host_and_no_network_is_a_mistake(item: str) -> None:
    with pytest.raises(Exception, match="must be a list of host names, addresses and networks"):
        loaded(environ={"S3GW_OUTBOUND_ALLOW": item})


def test_headers_for_an_origin_do_not_follow_to_another_one(site: Site) -> None:
    site.redirect("/same", "/away")
    site.redirect("/away", site.url("/back", OTHER))
    site.answers["/back"] = (302, {"Location": site.url("/there")}, b"")
    site.page("/there")
    wanted = Fetch(site.url("/same"), max_redirects=5, origin_headers={"X-Api-Key": "secret"})
    fetch(wanted, allow=["127.0.0.0/8"])
    sent = dict(site.asked)
    assert sent["/same"]["x-api-key"] == sent["/away"]["x-api-key"] == "secret"
    # Nor do they come back to the first origin, on the word of another one.
    assert "x-api-key" not in sent["/back"]
    assert "x-api-key" not in sent["/there"]
