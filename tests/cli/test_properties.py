"""Properties on the command line, as AIStore's own takes them."""

from __future__ import annotations

import pytest

from s3gw.cli.arguments import read_properties
from s3gw.cli.bucket.properties import nested


@pytest.mark.parametrize(
    "text",
    [
        "checksum.type=md5 versioning.enabled=true chunks.chunk_size=1MiB",
        '{"checksum": {"type": "md5"}, "versioning": {"enabled": true},'
        ' "chunks": {"chunk_size": "1MiB"}}',
        '{"checksum.type": "md5", "versioning.enabled": true, "chunks.chunk_size": "1MiB"}',
    ],
)
def test_properties_are_pairs_or_json(text: str) -> None:
    assert nested(dict(read_properties(text))) == {
        "checksum": {"type": "md5"},
        "versioning": {"enabled": True},
        "chunks": {"chunk_size": "1MiB"},
    }


def test_a_value_may_have_spaces() -> None:
    found = read_properties("extra.custom=two words access=ro")
    assert found == (("extra.custom", "two words"), ("access", "ro"))


@pytest.mark.parametrize("text", ["checksum", "=1", "{", "{]"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_properties(text)
