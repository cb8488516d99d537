from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gw.client.names import (
    BadName,
    Bck,
    ObjectName,
    read_bck,
    read_bucket,
    read_object,
    read_place,
)

_WORD = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
_BCK = st.builds(
    Bck, _WORD, st.sampled_from(["ais", "aws", "gcp"]), st.just("") | _WORD, st.just("") | _WORD
)


@given(_BCK, st.text(min_size=1, max_size=20))
def test_a_name_is_read_as_it_is_written(bck: Bck, key: str) -> None:
    assert read_bucket(str(bck)) == bck
    assert read_bck(bck.document) == bck
    assert read_object(str(ObjectName(bck, key))) == ObjectName(bck, key)


@pytest.mark.parametrize(
    ("text", "bck", "key"),
    [
        ("b", Bck("b"), ""),
        ("b/", Bck("b"), ""),
        ("b/o/p", Bck("b"), "o/p"),
        ("b//o", Bck("b"), "/o"),
        ("ais://b/o", Bck("b"), "o"),
        ("AIS://b", Bck("b"), ""),
        ("s3://b/o", Bck("b", "aws"), "o"),
        ("gs://b", Bck("b", "gcp"), ""),
        ("ais://#ns/b/o", Bck("b", namespace="ns"), "o"),
        ("ais://@remote#ns/b", Bck("b", uuid="remote", namespace="ns"), ""),
        ("b/ais://x", Bck("b"), "ais://x"),
    ],
)
def test_every_spelling_is_understood(text: str, bck: Bck, key: str) -> None:
    assert read_place(text) == ObjectName(bck, key)


@pytest.mark.parametrize("text", ["", "/", "/o", "ais://", "x://b", "ais://#n s/b", "ais://@/b"])
def test_what_names_no_bucket_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        read_place(text)


def test_a_bucket_is_no_object_and_the_other_way_round() -> None:
    with pytest.raises(BadName, match="is not the name of an object"):
        read_object("ais://b")
    with pytest.raises(BadName, match="is more than a bucket"):
        read_bucket("ais://b/o")


def test_names_stand_in_requests_as_aistore_has_them() -> None:
    name = ObjectName(Bck("b", namespace="ns"), "o %?#é/x.txt")
    assert name.path == "objects/b/o%20%25%3F%23%C3%A9/x.txt"
    assert name.uname == "ais/@#ns/b/o %?#é/x.txt"
    assert name.bck.query == {"provider": "ais", "namespace": "@#ns"}
    assert Bck("b").uname == "ais/@#/b/"
    assert name.base == "x.txt"
