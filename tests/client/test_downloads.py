"""Requests to download, by the number of their links."""

from __future__ import annotations

import pytest

from s3gw.client.downloads import DownloadOptions, start_download
from s3gw.client.names import Bck, ObjectName

BCK = Bck("b")


@pytest.mark.parametrize(
    ("links", "place", "wanted"),
    [
        (["http://h/d/a?x=1"], "", {"type": "single", "object_name": ""}),
        (["http://h/d/a?x=1"], "f/", {"type": "single", "object_name": "f/a"}),
        (["http://h/d/a"], "f/b", {"type": "single", "object_name": "f/b"}),
        (
            ["http://h/{0..9}"],
            "f/",
            {"type": "range", "subdir": "f/", "template": "http://h/{0..9}"},
        ),
        (
            ["http://h/a?x=1", "http://h/b"],
            "f/",
            {"type": "multi", "objects": {"f/a": "http://h/a?x=1", "f/b": "http://h/b"}},
        ),
    ],
)
def test_a_request_names_what_becomes_of_its_links(
    links: list[str], place: str, wanted: dict[str, object]
) -> None:
    options = DownloadOptions("said", connections=3, bytes_per_hour=9, timeout="90s")
    request = start_download(links, ObjectName(BCK, place), options).request
    assert (request.method, request.path) == ("POST", "download")
    message = request.message
    assert wanted.items() <= message.items()
    assert message["limits"] == {"connections": 3, "bytes_per_hour": 9}
    assert (message["description"], message["timeout"]) == ("said", "90s")
    assert message["bucket"]["name"] == "b"
    assert "etl_name" not in message


def test_a_request_names_the_transformer() -> None:
    options = DownloadOptions(etl="thumbnail", etl_args="64")
    message = start_download(["http://h/a"], ObjectName(BCK, "a"), options).request.message
    assert (message["etl_name"], message["etl_args"]) == ("thumbnail", "64")
