"""An adoption that was killed anywhere is not seen, goes on, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.adopting.adoption import abandon, adopt
from cluster.adopting.blobs import How
from cluster.store import Place
from storage.failpoints import FAILPOINTS
from storage.values import BucketOptions
from tests.cluster.adopting.adopt_child import killed_at
from tests.cluster.adopting.full_store import LARGE, everything, opened, order
from tests.cluster.store.cluster_stores import Keeper, cluster_store, named_blobs
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in
from tests.storage.sync_bucket import OWNER, SyncBucket

Keep = Callable[[], Keeper]

# Rows are copied in transactions of seven: some are in the middle of a table.
BEFORE = (
    "adopt_after_folder", "adopt_inside_rows", "adopt_inside_rows:4", "adopt_after_rows:4",
    "adopt_inside_rows:14", "adopt_after_rows:17", "adopt_after_blobs", "adopt_after_keys",
    "adopt_inside_publishing",
)  # fmt: skip
AFTER = ("adopt_after_publishing",)
REMOVING = ("adopt_after_removing_blobs",)
TABLES = ("objects", "versions", "uploads", "parts", "completed", "renamed", "adoptions")


def test_every_failpoint_is_tried() -> None:
    tried = {each.partition(":")[0] for each in (*BEFORE, *AFTER, *REMOVING)}
    assert tried == {each for each in FAILPOINTS if each.startswith("adopt_")}


@pytest.mark.parametrize("failpoint", [*BEFORE, *AFTER])
def test_an_adoption_that_was_killed_goes_on(
    failpoint: str, data: list[Path], place: Place, keep: Keep
) -> None:
    with opened(data) as local:
        expected = everything(local)
    killed_at(failpoint, data, place)
    with cluster_store(place) as store:
        assert everything(store) == (expected if failpoint in AFTER else {})
        done = run(adopt(order(data, place)))
        assert done.complete
        assert done.earlier == (failpoint in AFTER)
        assert everything(store) == expected
    assert blobs_in([place.folder]) == named_blobs(keep())


def test_blobs_that_a_crash_of_the_machine_lost_are_linked_again(
    data: list[Path], place: Place
) -> None:
    with opened(data) as local:
        expected = everything(local)
    killed_at("adopt_after_blobs", data, place)
    lost = sorted(place.folder.glob("blobs/*/*"))[::2]
    for each in lost:
        each.unlink()
    assert run(adopt(order(data, place))).new_blobs == len(lost)
    with cluster_store(place) as store:
        assert everything(store) == expected


@pytest.mark.parametrize("failpoint", ["adopt_inside_rows:4", "adopt_after_blobs"])
def test_a_store_that_has_changed_is_adopted_as_it_is_now(
    failpoint: str, data: list[Path], place: Place, keep: Keep
) -> None:
    killed_at(failpoint, data, place)
    with opened(data) as local:
        plain = SyncBucket(local, "plain")
        plain.delete("blob-3")
        plain.put("blob-4", b"small now")
        plain.put("added", LARGE)
        run(local.create_bucket("late", BucketOptions(OWNER)))
        run(local.discard_bucket("encrypted"))
        expected = everything(local)
    killed_at("adopt_inside_publishing", data, place)
    run(adopt(order(data, place)))
    with cluster_store(place) as store:
        assert everything(store) == expected
    assert blobs_in([place.folder]) == named_blobs(keep())


@pytest.mark.parametrize("failpoint", BEFORE)
def test_what_an_abandoned_adoption_has_brought_is_removed(
    failpoint: str, data: list[Path], place: Place, keep: Keep
) -> None:
    with opened(data) as local:
        expected = everything(local)
    killed_at(failpoint, data, place)
    assert run(abandon(order(data, place))) == (failpoint != "adopt_after_folder")
    keeper = keep()
    for table in TABLES:
        assert keeper.rows(f"SELECT count(*) FROM s3gw.{table}") == [(0,)]
    assert blobs_in([place.folder]) == set()
    assert not run(abandon(order(data, place)))
    with opened(data) as local:
        assert everything(local) == expected


def test_a_removal_that_was_killed_goes_on(data: list[Path], place: Place, keep: Keep) -> None:
    killed_at("adopt_after_blobs", data, place)
    with opened(data) as local:
        SyncBucket(local, "plain").put("added", LARGE)
        expected = everything(local)
    killed_at("adopt_after_removing_blobs", data, place)
    assert keep().rows("SELECT count(*) FROM s3gw.adoptions") == [(1,)]
    run(adopt(order(data, place)))
    with cluster_store(place) as store:
        assert everything(store) == expected


def test_copies_that_were_begun_are_not_left(data: list[Path], place: Place, keep: Keep) -> None:
    killed_at("adopt_after_rows:3", data, place)
    (place.folder / "work").joinpath(f"adopting:{store_id(keep())}").mkdir(exist_ok=True)
    (place.folder / "work" / f"adopting:{store_id(keep())}" / "half").write_bytes(b"x")
    run(adopt(order(data, place, how=How.COPY)))
    assert not list((place.folder / "work").rglob("*"))


def store_id(keeper: Keeper) -> str:
    ((found,),) = keeper.rows("SELECT store FROM s3gw.adoptions")
    return str(found)
