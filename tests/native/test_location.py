"""Where objects lie, as the command line of AIStore shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from s3gw.native.objects.location import described
from s3gw.native.smap import target_id
from s3gw.telemetry.node_info import NodeInfo
from storage.backends.local.options import StoreOptions
from storage.clock import SystemClock
from tests.native.config_scene import ConfigScene
from tests.native.scene import CLUSTER, Scene, services
from tests.storage.local_stores import local_store, mountpaths_in


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ConfigScene]:
    with ConfigScene(tmp_path) as scene:
        yield scene


def test_an_object_s_place_is_its_mountpath_and_disk(cluster: ConfigScene, tmp_path: Path) -> None:
    bucket = cluster.new_bucket()
    cluster.put(bucket, "k")
    headers = cluster.send("HEAD", f"objects/{bucket}/k?props=location,copies").headers
    place = f"t[{target_id(CLUSTER)}]:{described(tmp_path)}"
    assert headers["ais-location"] == place
    assert place.startswith(f"t[{target_id(CLUSTER)}]:mp[{tmp_path}")
    assert place.endswith("]")
    assert headers["ais-mirror-paths"] == str(tmp_path)
    (entry,) = cluster.listing(bucket, props="name,location")["Entries"]
    assert entry["t"] == place


def test_a_place_among_several_is_the_store_s_own(tmp_path: Path) -> None:
    paths = mountpaths_in(tmp_path, 3)
    for path in paths:
        path.mkdir()
    with local_store(paths, SystemClock(), StoreOptions()) as store:
        everything = services(store)
        native = replace(everything.native, node=NodeInfo(folders=tuple(paths)))
        with closing(Scene(store, dataclasses.replace(everything, native=native))) as scene:
            bucket = scene.new_bucket()
            seen = set()
            for name in map(str, range(20)):
                scene.put(bucket, name)
                found = scene.send("HEAD", f"objects/{bucket}/{name}?props=copies").headers
                home = store.disks.home(store.disks.bucket(bucket), name).mountpath.path
                assert found["ais-mirror-paths"] == str(home)
                seen.add(home)
            assert len(seen) == len(paths)
