"""Groups of objects, by the aistore SDK: named one by one, by range, by template."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from compat.aistore_sdk.scene import contents, done, errors, fill, get, names, only_2, put

multi: Any = import_module("aistore.sdk.multiobj")

NAMES = [f"p{number:02}" for number in range(20)]


@pytest.fixture(name="filled")
def _filled(bucket: Any) -> Any:
    return fill(bucket, {name: b"x" * number for number, name in enumerate(NAMES)})


def test_a_list_is_deleted(client: Any, filled: Any) -> None:
    (result,) = done(client, filled.objects(obj_names=["p00", "p07"]).delete())
    assert result.success
    assert names(filled) == [name for name in NAMES if name not in ("p00", "p07")]


def test_a_range_is_deleted(client: Any, filled: Any) -> None:
    chosen = multi.ObjectRange("p", 0, 18, pad_width=2, step=2)
    done(client, filled.objects(obj_range=chosen).delete())
    assert names(filled) == NAMES[1::2]


def test_a_range_without_numbers_is_a_prefix(client: Any, filled: Any) -> None:
    done(client, filled.objects(obj_range=multi.ObjectRange("p1")).delete())
    assert names(filled) == NAMES[:10]


@pytest.mark.parametrize(
    ("template", "left"),
    [
        ("p{00..09}", NAMES[10:]),
        ("p{00..18..3}", [name for name in NAMES if int(name[1:]) % 3]),
        ("p{0..1}{5..6}", [name for name in NAMES if name[2] not in "56"]),
        ("p1", NAMES[:10]),
        ("none{0..5}", NAMES),
    ],
)
def test_a_template_is_deleted(client: Any, filled: Any, template: str, left: list[str]) -> None:
    done(client, filled.objects(obj_template=template).delete())
    assert names(filled) == left


def test_what_is_missing_does_not_end_a_deletion(client: Any, filled: Any) -> None:
    done(client, filled.objects(obj_names=["none", "p01"]).delete())
    assert names(filled) == [name for name in NAMES if name != "p01"]


def test_a_list_is_copied_into_a_new_bucket(client: Any, filled: Any, target: Any) -> None:
    done(client, *filled.objects(obj_names=["p01", "p02"]).copy(target, prepend="new/"))
    assert contents(target) == {"new/p01": b"x", "new/p02": b"xx"}


def test_a_range_is_copied(client: Any, filled: Any, target: Any) -> None:
    chosen = multi.ObjectRange("p", 3, 5, pad_width=2)
    done(client, *filled.objects(obj_range=chosen).copy(target))
    assert names(target) == ["p03", "p04", "p05"]


def test_a_template_is_copied(client: Any, filled: Any, target: Any) -> None:
    done(client, *filled.objects(obj_template="p{10..19}").copy(target, num_workers=2))
    assert names(target) == NAMES[10:]


def test_a_dry_run_copies_nothing(client: Any, filled: Any, target: Any) -> None:
    target.create()
    done(client, *filled.objects(obj_names=["p01"]).copy(target, dry_run=True))
    assert names(target) == []


def test_a_copy_goes_on_if_asked(client: Any, filled: Any, target: Any) -> None:
    group = filled.objects(obj_names=["none", "p01"])
    done(client, *group.copy(target, continue_on_error=True))
    assert names(target) == ["p01"]


def test_a_copy_is_of_what_is_there_when_it_is_made(client: Any, filled: Any, target: Any) -> None:
    done(client, *filled.objects(obj_names=["p01"]).copy(target))
    put(filled, "p01", b"new")
    assert get(target, "p01") == b"x"


def test_a_group_s_names_are_told(filled: Any) -> None:
    assert filled.objects(obj_names=["b", "a"]).list_names() == ["b", "a"]
    assert filled.objects(obj_template="p{1..3}s").list_names() == ["p1s", "p2s", "p3s"]
    chosen = multi.ObjectRange("p", 8, 12, pad_width=3, step=2, suffix=".x")
    assert filled.objects(obj_range=chosen).list_names() == ["p008.x", "p010.x", "p012.x"]
    assert chosen.get_value() == {"template": "p{008..012..2}.x"}


def test_a_range_is_read_from_a_text(client: Any, filled: Any) -> None:
    chosen = multi.ObjectRange.from_string("p{00..18..2}")
    done(client, filled.objects(obj_range=chosen).delete())
    assert names(filled) == NAMES[1::2]


def test_a_group_s_urls_are_told(filled: Any) -> None:
    urls = list(filled.objects(obj_names=["p01"]).list_urls())
    assert urls == [filled.object("p01").get_url()]


def test_a_group_s_objects_are_read(filled: Any) -> None:
    found = list(filled.objects(obj_template="p{00..19}").list_all_objects_iter(prefix="p1"))
    assert [(each.name, each.props_cached.size) for each in found] == [
        (name, 10 + number) for number, name in enumerate(NAMES[10:])
    ]
    assert found[3].get_reader().read_all() == b"x" * 13


def test_a_group_s_objects_need_not_be_asked_for(filled: Any) -> None:
    (found,) = filled.objects(obj_names=["none"]).list_all_objects_iter(props=None)
    assert found.props_cached is None


@pytest.mark.parametrize("wrong", [{}, {"obj_names": ["a"], "obj_template": "b"}])
def test_a_group_is_chosen_in_one_way(bucket: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one"):
        bucket.objects(**wrong)


@only_2
@pytest.mark.parametrize("wrong", [{"obj_names": []}, {"obj_template": ""}])
def test_an_empty_group_is_told_by_the_sdk(bucket: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="empty"):
        bucket.objects(**wrong)


def test_a_range_that_is_none_is_told_by_the_sdk() -> None:
    for wrong in ({"min_index": 3}, {"min_index": 3, "max_index": 1}):
        with pytest.raises(errors.InvalidObjectRangeIndex):
            multi.ObjectRange("p", **wrong)


def test_only_groups_of_remote_buckets_are_evicted_and_prefetched(filled: Any) -> None:
    group = filled.objects(obj_names=["p01"])
    for asking in (group.evict, group.prefetch):
        with pytest.raises(errors.InvalidBckProvider):
            asking()
