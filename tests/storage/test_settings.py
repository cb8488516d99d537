"""Typed documents of a bucket."""

from __future__ import annotations

from typing import ClassVar

from storage.settings import Setting, setting, with_setting, without_setting
from storage.values import BucketInfo


class Colours(Setting, frozen=True):
    setting_name: ClassVar[str] = "colours"

    names: tuple[str, ...] = ()


class Sizes(Setting, frozen=True):
    setting_name: ClassVar[str] = "sizes"

    largest: int = 0


BUCKET = BucketInfo("bucket", "owner", 0)


def test_a_bucket_has_no_document_until_one_is_set() -> None:
    assert setting(BUCKET, Colours) is None


def test_a_document_reads_as_it_was_set() -> None:
    bucket = with_setting(BUCKET, Colours(("red", "grün")))
    assert setting(bucket, Colours) == Colours(("red", "grün"))


def test_documents_of_two_kinds_stand_side_by_side() -> None:
    bucket = with_setting(with_setting(BUCKET, Colours(("red",))), Sizes(3))
    bucket = with_setting(bucket, Sizes(4))
    assert setting(bucket, Colours) == Colours(("red",))
    assert setting(bucket, Sizes) == Sizes(4)
    assert setting(without_setting(bucket, Colours), Colours) is None
    assert setting(without_setting(bucket, Colours), Sizes) == Sizes(4)


def test_an_old_document_reads_with_the_defaults_of_new_fields() -> None:
    bucket = BucketInfo("bucket", "owner", 0, settings={"sizes": "{}"})
    assert setting(bucket, Sizes) == Sizes(0)
