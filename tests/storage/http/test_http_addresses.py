"""URLs and names: AIStore's names of buckets, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.backends.http import BadUrl, Directory, bucket_name, read_url


def test_a_bucket_has_aistores_name() -> None:
    link = read_url("http://storage.googleapis.com/minikube/minikube-0.7.iso.sha256")
    assert link.directory.bucket == "ZDdhNTYxZTkyMzhkNjk3NA"
    assert link.directory.url == "http://storage.googleapis.com/minikube/"
    assert link.name == "minikube-0.7.iso.sha256"
    assert bucket_name("https://storage.googleapis.com/minikube/") == link.directory.bucket


@pytest.mark.parametrize(
    ("url", "directory", "name"),
    [
        ("http://h/a", "http://h/", "a"),
        ("HTTPS://h:8443/x/y/a.tar", "https://h:8443/x/y/", "a.tar"),
        ("http://h/d/a%20b%23.txt", "http://h/d/", "a b#.txt"),
        ("http://h/my%20dir/a", "http://h/my%20dir/", "a"),
        ("http://h/d/%C3%A9", "http://h/d/", "é"),
        ("http://h/d/a?version=2&x=%2F", "http://h/d/", "a?version=2&x=%2F"),
        ("http://[::1]:80/a", "http://[::1]:80/", "a"),
    ],
)
def test_a_url_is_a_directory_and_a_name(url: str, directory: str, name: str) -> None:
    link = read_url(url)
    assert (link.directory.url, link.name) == (directory, name)
    assert link.url == url.replace("HTTPS", "https")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h/d/a",
        "/d/a",
        "ftp://h/a",
        "file:///etc/passwd",
        "http:///a",
        "http://h",
        "http://h/",
        "http://h/d/",
        "http://h/d/?x=1",
        "http://user:password@h/a",
        "http://h:port/a",
        "http://h:0/a",
        "http://[::1/a",
        "http://h/../a",
        "http://h/d/./a",
        "http://h/d/..",
        "http://h/d/%2E%2E",
        "http://h/d/a%2Fb",
        "http://h/d/a%3Fb",
        "http://h/d/a%00",
        "http://h/d/%FF",
        "http://h/d/a b",
        "http://h/d\\a",
        "http://h/d/a\r\nX: y",
        "http://h/é",
        "http://h/" + "a" * 5000,
    ],
)
def test_what_is_not_the_url_of_an_object_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        read_url(url)


@pytest.mark.parametrize("name", ["", "..", "a/../b", ".", "./a", "?x=1"])
def test_a_name_does_not_lead_out_of_its_directory(name: str) -> None:
    with pytest.raises(BadUrl):
        Directory("http://h/d/").url_of(name)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40))
def test_any_name_comes_back_from_its_url(name: str) -> None:
    directory = Directory("http://h/d/")
    try:
        url = directory.url_of(name)
    except BadUrl:
        return
    assert url.isascii()
    assert url.startswith(directory.url)
    assert not {" ", "#", "\\", "\n"} & set(url)
    if "/" not in name and "?" not in name and name.isprintable():
        assert read_url(url).name == name
