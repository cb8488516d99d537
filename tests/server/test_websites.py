"""A website's host in front of the whole server."""

from __future__ import annotations

import http.client
from pathlib import Path

from tests.server_process import ServerProcess


def get(server: ServerProcess, host: str, path: str) -> tuple[int, str, bytes]:
    """The status, type and body of what the host answers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    found = answer.status, answer.getheader("content-type") or "", answer.read()
    connection.close()
    return found


def test_buckets_are_websites_below_the_website_domain_only(tmp_path: Path) -> None:
    flags = ["--s3-website-domain", "web.example.com", "--s3-domain", "s3.example.com"]
    with ServerProcess(tmp_path, flags=flags) as server:
        client = server.client()
        client.create_bucket(Bucket="bucket")
        client.put_bucket_website(
            Bucket="bucket",
            WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "example.org"}},
        )
        assert get(server, "bucket.web.example.com", "/metrics")[0] == 301
        status, kind, page = get(server, "other.web.example.com", "/metrics")
        assert (status, kind) == (404, "text/html; charset=utf-8")
        assert b"<li>Code: NoSuchBucket</li>" in page
        assert get(server, "bucket.s3.example.com", "/k")[:2] == (403, "application/xml")
        assert get(server, "127.0.0.1", "/metrics")[0] == 200
