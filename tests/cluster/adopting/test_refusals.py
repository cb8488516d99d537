"""What stands in the way is said before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from cluster.adopting.adoption import abandon, adopt, rehearse
from cluster.adopting.blobs import How
from cluster.adopting.errors import AdoptionRefused
from cluster.adopting.key_files import KeyFile
from cluster.store import Place
from storage.backends.local.mountpath import lock_folders
from storage.errors import StorageError
from storage.startup_errors import MountpathError
from storage.values import BucketOptions
from tests.cluster.adopting.adopt_child import killed_at
from tests.cluster.adopting.full_store import LARGE, everything, opened, order
from tests.cluster.store.cluster_stores import Keeper, cluster_store
from tests.storage.event_loop import run
from tests.storage.local_stores import blobs_in
from tests.storage.sync_bucket import SyncBucket

Keep = Callable[[], Keeper]


def refusal(data: list[Path], place: Place, **other: object) -> str:
    """The text of the refusal; a dry run says the same."""
    with pytest.raises(AdoptionRefused) as caught:
        run(adopt(order(data, place, **other)))
    said = run(rehearse(order(data, place, **other)))
    assert "\n".join(said.obstacles) == str(caught.value)
    return str(caught.value)


def nothing_was_written(keeper: Keeper, place: Place) -> bool:
    return keeper.rows("SELECT count(*) FROM s3gw.adoptions") == [(0,)] and not blobs_in(
        [place.folder]
    )


def test_a_bucket_of_the_same_name(data: list[Path], place: Place, keep: Keep) -> None:
    with cluster_store(place) as store:
        run(store.create_bucket("plain", BucketOptions("me")))
    assert refusal(data, place) == (
        "the cluster has a bucket plain of its own: rename or remove one of the two"
    )
    assert nothing_was_written(keep(), place)


def test_a_bucket_whose_blobs_have_the_same_label(
    data: list[Path], place: Place, keep: Keep
) -> None:
    with cluster_store(place) as store:
        run(store.create_bucket("plain", BucketOptions("me")))
        run(store.rename_bucket("plain", "another"))
        run(store.create_bucket("gone", BucketOptions("me")))
        run(store.discard_bucket("gone"))
    assert "labelled plain, and so are those of the bucket plain" in refusal(data, place)
    assert nothing_was_written(keep(), place)


def test_a_bucket_that_came_meanwhile(data: list[Path], place: Place) -> None:
    with opened(data) as local:
        expected = everything(local)
    killed_at("adopt_after_blobs", data, place)
    with cluster_store(place) as store:
        run(store.create_bucket("plain", BucketOptions("me")))
        assert "bucket plain of its own" in refusal(data, place)
        assert [each.name for each in run(store.list_buckets())] == ["plain"]
        run(store.delete_bucket("plain"))
        run(adopt(order(data, place)))
        assert everything(store) == expected


def test_keys_that_are_not_the_same(data: list[Path], place: Place, keep: Keep) -> None:
    file = data[0] / "auth.key"
    file.write_bytes(b"mine")
    place.folder.mkdir()
    (place.folder / "auth.key").write_bytes(b"another")
    files = (KeyFile(file, "auth.key"),)
    assert "is not the same as" in refusal(data, place, key_files=files)
    assert nothing_was_written(keep(), place)
    (place.folder / "auth.key").write_bytes(b"mine")
    assert run(adopt(order(data, place, key_files=files))).key_files == ()


def test_keys_are_copied_for_their_owner_alone(data: list[Path], place: Place) -> None:
    file = data[0] / "auth.key"
    file.write_bytes(b"mine")
    files = (KeyFile(file, "auth.key"), KeyFile(data[0] / "keyring.json", "keyring.json"))
    assert run(adopt(order(data, place, key_files=files))).key_files == ("auth.key",)
    copied = place.folder / "auth.key"
    assert (copied.read_bytes(), copied.stat().st_mode & 0o777) == (b"mine", 0o600)


def test_a_data_folder_as_the_shared_folder(data: list[Path], place: Place) -> None:
    wrong = replace(place, folder=data[0])
    assert "is a data folder of one machine" in refusal(data, wrong)


def test_another_file_system_without_copying(
    data: list[Path], place: Place, tmp_path: Path
) -> None:
    if tmp_path.stat().st_dev == data[0].stat().st_dev:
        pytest.skip("there is no other file system")
    there = replace(place, folder=tmp_path / "shared")
    assert "let --copy copy the blobs" in refusal(data, there)
    assert run(adopt(order(data, there, how=How.COPY))).complete


def test_a_store_whose_server_runs(data: list[Path], place: Place) -> None:
    with lock_folders(data), pytest.raises(MountpathError, match="is in use by another s3gw"):
        run(adopt(order(data, place)))


def test_a_part_of_the_data_folders(data: list[Path], place: Place) -> None:
    with pytest.raises(MountpathError, match="1 are missing"):
        run(adopt(order(data[:1], place)))


def test_a_folder_that_has_no_store(tmp_path: Path, place: Place) -> None:
    (tmp_path / "misspelt").mkdir()
    with pytest.raises(MountpathError, match=r"has no mountpath\.json"):
        run(adopt(order([tmp_path / "misspelt"], place)))
    assert not list((tmp_path / "misspelt").iterdir())


def test_a_store_that_was_adopted_and_has_changed(data: list[Path], place: Place) -> None:
    run(adopt(order(data, place)))
    with opened(data) as local:
        SyncBucket(local, "plain").put("new", LARGE)
    with pytest.raises(AdoptionRefused, match="has changed since"):
        run(adopt(order(data, place)))
    with pytest.raises(AdoptionRefused, match="its buckets are the cluster's"):
        run(abandon(order(data, place)))


def test_a_copy_that_was_changed_is_not_published(
    data: list[Path], place: Place, keep: Keep
) -> None:
    killed_at("adopt_after_blobs", data, place)
    keeper = keep()
    keeper.execute("DELETE FROM s3gw.objects WHERE name = 'empty'")
    with pytest.raises(AdoptionRefused, match="in the table objects: remove it with --abandon"):
        run(adopt(order(data, place)))
    assert keeper.rows("SELECT count(*) FROM s3gw.buckets") == [(0,)]
    run(abandon(order(data, place)))
    assert run(adopt(order(data, place))).complete


@pytest.mark.parametrize("dry", [True, False])
def test_damage_is_named_and_nothing_is_shown(dry: bool, data: list[Path], place: Place) -> None:
    with opened(data) as local:
        expected = everything(local)
    lost = max((each for folder in data for each in folder.glob("blobs/*/*")), key=size_of)
    content = lost.read_bytes()
    lost.unlink()
    done = run((rehearse if dry else adopt)(order(data, place)))
    assert not done.complete
    assert [(each.bucket, each.name, each.problem) for each in done.damage] == [
        ("plain", "of several blocks", "blob missing")
    ]
    lost.write_bytes(content)
    with cluster_store(place) as store:
        assert run(store.list_buckets()) == []
        assert run(adopt(order(data, place))).complete
        assert everything(store) == expected


def test_a_wrong_byte_is_found_when_all_are_read(data: list[Path], place: Place) -> None:
    wrong = max((each for folder in data for each in folder.glob("blobs/*/*")), key=size_of)
    with open(wrong, "r+b") as file:
        file.seek(700_000)
        file.write(b"wrong")
    (damage,) = run(adopt(order(data, place, verify=True))).damage
    assert damage.name == "of several blocks"


def size_of(path: Path) -> int:
    return path.stat().st_size


def test_a_refusal_is_an_error_that_commands_print() -> None:
    assert issubclass(AdoptionRefused, StorageError)
