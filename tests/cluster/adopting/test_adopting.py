"""A cluster that has adopted a store answers everything as the store did."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from cluster.adopting.adoption import Adopted, adopt, rehearse
from cluster.adopting.blobs import How
from cluster.store import Place
from storage.errors import StorageError
from storage.values import BucketOptions, DeleteRequest
from tests.cluster.adopting.full_store import LARGE, everything, opened, order
from tests.cluster.store.cluster_stores import Keeper, cluster_store, named_blobs
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in
from tests.storage.sync_bucket import SyncBucket

Keep = Callable[[], Keeper]


def inodes(folders: list[Path]) -> set[int]:
    return {each.stat().st_ino for folder in folders for each in folder.glob("blobs/*/*")}


def without_time(adopted: Adopted) -> Adopted:
    return msgspec.structs.replace(adopted, seconds=0.0)


def test_everything_is_answered_as_before(data: list[Path], place: Place, keep: Keep) -> None:
    with opened(data) as local:
        expected = everything(local)
        usage = run(local.usage())
    adopted = run(adopt(order(data, place)))
    assert adopted.complete
    with cluster_store(place) as store:
        assert everything(store) == expected
        now = run(store.usage())
    assert (now.buckets, now.objects, now.stored_bytes) == (
        usage.buckets, usage.objects, usage.stored_bytes,
    )  # fmt: skip
    assert blobs_in([place.folder]) == named_blobs(keep())
    assert adopted.blobs == adopted.new_blobs == len(blobs_in([place.folder]))


def test_no_byte_is_copied_and_the_store_stays_as_it_was(data: list[Path], place: Place) -> None:
    with opened(data) as local:
        expected = everything(local)
    run(adopt(order(data, place, unsynced=True)))
    assert inodes([place.folder]) < inodes(data)
    with opened(data) as local:
        assert everything(local) == expected


def test_what_the_cluster_removes_stays_in_the_store(
    data: list[Path], place: Place, keep: Keep
) -> None:
    with opened(data) as local:
        expected = everything(local)
    run(adopt(order(data, place)))
    with cluster_store(place) as store:
        for name in expected:
            run(store.discard_bucket(name))
        keep().sweep()
        assert run(store.list_buckets()) == []
    assert blobs_in([place.folder]) == set()
    with opened(data) as local:
        assert everything(local) == expected


def test_the_cluster_goes_on_with_what_it_has_adopted(
    data: list[Path], place: Place, keep: Keep
) -> None:
    run(adopt(order(data, place)))
    with cluster_store(place) as store:
        plain, versioned = SyncBucket(store, "plain"), SyncBucket(store, "versioned")
        for upload in plain.uploads().uploads:
            numbers = [part.number for part in plain.parts(upload)]
            if numbers:
                plain.complete(upload, *numbers)
        assert plain.read("unfinished").startswith(LARGE)
        plain.rename("moved-1", "blob-1")
        plain.put("chunks", b"now small")
        older = versioned.history("many")[1:]
        # The null version gives way to the new one.
        versioned.put("many", LARGE)
        assert versioned.history("many") == ["null", *older]
        assert_locked(store)
        keep().sweep()
        for name in plain.names():
            assert plain.read(name) is not None
    keeper = keep()
    assert blobs_in([place.folder]) == named_blobs(keeper)
    # A label is that of the blob, wherever its object went since.
    assert keeper.rows("SELECT name FROM s3gw.renamed WHERE label = 'blob-1'") == []


def assert_locked(store: object) -> None:
    locked = SyncBucket(store, "locked")  # type: ignore[arg-type]
    for version in locked.history("held"):
        request = DeleteRequest("held", version=version)
        (outcome,) = locked.delete_many(request)
        assert isinstance(outcome, StorageError)


def test_a_completed_upload_can_be_completed_again(data: list[Path], place: Place) -> None:
    with opened(data) as local:
        bucket = SyncBucket(local, "plain")
        upload = bucket.upload_of("twice", LARGE)
        info = bucket.complete(upload, 1)
    run(adopt(order(data, place)))
    with cluster_store(place) as store:
        assert SyncBucket(store, "plain").complete(upload, 1) == info


def test_a_bucket_with_the_name_of_a_label_gets_another_label(
    data: list[Path], place: Place
) -> None:
    run(adopt(order(data, place)))
    with cluster_store(place) as store:
        assert run(store.head_bucket("renamed")).label == "reused"
        assert run(store.head_bucket("reused")).label.startswith("reused#")
        run(store.rename_bucket("reused", "other"))
        assert run(store.create_bucket("reused", BucketOptions("me"))).name == "reused"
        assert run(store.head_bucket("reused")).label.startswith("reused#")


def test_copied_blobs_are_files_of_their_own(data: list[Path], place: Place) -> None:
    with opened(data) as local:
        expected = everything(local)
    run(adopt(order(data, place, how=How.COPY, verify=True)))
    assert not inodes([place.folder]) & inodes(data)
    for folder in data:
        shutil.rmtree(folder)
    with cluster_store(place) as store:
        assert everything(store) == expected


def test_a_dry_run_says_the_same_and_writes_nothing(data: list[Path], place: Place) -> None:
    said = run(rehearse(order(data, place)))
    assert not place.folder.exists()
    done = run(adopt(order(data, place)))
    assert msgspec.structs.replace(without_time(said), complete=True) == without_time(done)


def test_a_dry_run_does_not_make_the_schema(data: list[Path], place: Place, keep: Keep) -> None:
    run(rehearse(order(data, place)))
    # Nothing has been applied yet: the first step is this keeper's.
    keeper = keep()
    assert keeper.rows("SELECT count(*) FROM s3gw.adoptions") == [(0,)]
    assert keeper.rows("SELECT count(*) FROM s3gw.folder") == [(0,)]


def test_a_second_time_nothing_is_done(data: list[Path], place: Place) -> None:
    done = run(adopt(order(data, place)))
    again = run(adopt(order(data, place)))
    assert again.earlier
    assert msgspec.structs.replace(without_time(again), earlier=False) == without_time(done)


def test_other_buckets_of_the_cluster_stay_as_they_are(data: list[Path], place: Place) -> None:
    with cluster_store(place) as store:
        run(store.create_bucket("resident", BucketOptions("me")))
        SyncBucket(store, "resident").put("a", LARGE)
        revision = run(store.buckets_revision())
        before = everything(store)
        run(adopt(order(data, place)))
        after = everything(store)
        assert after["resident"] == before["resident"]
        assert len(after) == 8
        assert run(store.buckets_revision()) > revision


def test_an_empty_store_is_adopted(folder: Path, place: Place) -> None:
    with opened([folder / "nothing"]):
        pass
    done = run(adopt(order([folder / "nothing"], place)))
    assert (done.complete, done.rows, list(done.buckets)) == (True, 0, [])
