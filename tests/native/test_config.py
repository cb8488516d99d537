"""The cluster's configuration: shown, changed, kept, set back, and what of it cannot be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from cluster.coordination import Put
from s3gw.config.runtime import RuntimeConfig, configured
from s3gw.config.schema import Chunks, Config, GetBatch
from s3gw.config.stored import RECORD
from tests.native.config_scene import ConfigScene
from tests.native.scene import CLUSTER, Scene, told

# What AIStore's clients find in it.
SECTIONS = """
    auth backend checksum chunks client disk downloader ec features fshc get_batch keepalivetracker
    log lru memsys mirror net periodic proxy rate_limit rebalance resilver space tcb tco arch
    timeout transport versioning write_policy uuid config_version lastupdate_time
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ConfigScene]:
    with ConfigScene(tmp_path) as scene:
        yield scene


def leaf(document: Any, name: str) -> Any:
    for each in name.split("."):
        document = document[each]
    return document


def props(scene: Scene, bucket: str) -> dict[str, Any]:
    return dict(json.loads(scene.send("HEAD", f"buckets/{bucket}").headers["ais-bucket-props"]))


def test_the_configuration_has_aistores_sections(cluster: ConfigScene) -> None:
    config = cluster.config()
    assert set(SECTIONS.split()) <= set(config)
    assert (config["uuid"], config["config_version"]) == (CLUSTER, "1")
    assert config["auth"]["enabled"] is True
    assert config["auth"]["intra_cluster"]["enabled"] is False
    assert config["get_batch"]["max_wait"] == "30s"
    assert config["log"]["level"] == "3"


def test_a_nodes_configuration_is_the_clusters_and_its_own(
    cluster: ConfigScene, tmp_path: Path
) -> None:
    node = cluster.json("GET", "daemon?what=config")
    assert cluster.config().items() <= node.items()
    assert node["host_net"]["port"] == "8080"
    assert node["fspaths"] == {str(tmp_path): ""}


CHANGES = {
    "get_batch.max_wait": ("5s", "5s"),
    "get_batch.warmup_workers": ("4", 4),
    "get_batch.max_soft_errs": ("11", 11),
    "checksum.type": ("md5", "md5"),
    "chunks.objsize_limit": ("64MiB", "64MiB"),
    "chunks.chunk_size": ("16mib", "16MiB"),
    "versioning.enabled": ("false", False),
    "archives.as_folders": ("true", True),
    "log.level": ("4", "4"),
    "jobs.kept_time": ("2h", "2h"),
    "jobs.kept": ("20", 20),
    "mirror.enabled": ("true", True),
    "mirror.copies": ("3", 3),
    "ec.enabled": ("true", True),
    "lru.enabled": ("true", True),
    "rate_limit.frontend.enabled": ("true", True),
    "rate_limit.backend.interval": ("2m", "2m"),
    "write_policy.md": ("never", "never"),
    "checksum.enable_read_range": ("true", True),
    "versioning.synchronize": ("true", True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_key_is_set_by_query(cluster: ConfigScene, name: str) -> None:
    sent, shown = CHANGES[name]
    assert cluster.set(f"{name}={sent}").status == 200
    assert leaf(cluster.config(), name) == shown
    assert cluster.config()["config_version"] == "2"


def test_keys_are_set_by_a_nested_document(cluster: ConfigScene) -> None:
    value = {"get_batch": {"max_wait": "10s", "max_soft_errs": None}, "checksum.type": "sha256"}
    assert cluster.set_nested(value).status == 200
    config = cluster.config()
    assert (config["get_batch"]["max_wait"], config["checksum"]["type"]) == ("10s", "sha256")
    assert config["get_batch"]["max_soft_errs"] == 6
    assert config["config_version"] == "2"
    assert config["lastupdate_time"]


@pytest.mark.parametrize("target", ["daemon", "reverse/daemon"])
def test_the_one_nodes_configuration_is_the_clusters(cluster: ConfigScene, target: str) -> None:
    (node,) = cluster.json("GET", "daemon?what=smap")["tmap"]
    headers = {"ais-node-id": node}
    answer = cluster.send("PUT", f"{target}/set-config?log.level=2", headers=headers)
    assert answer.status == 200
    value = {"rate_limit": {"backend": {"num_retries": 5}}}
    assert cluster.set_nested(value, target, headers=headers).status == 200
    assert leaf(cluster.config(), "log.level") == "2"
    assert leaf(cluster.config(), "rate_limit.backend.num_retries") == 5
    assert cluster.act("PUT", target, "reset-config", headers=headers).status == 200
    assert leaf(cluster.config(), "rate_limit.backend.num_retries") == 3


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("checksum.type=md5", "cksum"),
        ("get_batch.max_wait=7s", "getbatch"),
        ("mirror.copies=3", "mirror"),
        ("ec.enabled=true", "ec"),
        ("chunks.chunk_size=1MiB", "chunks"),
        ("versioning.enabled=true", "versioning"),
        ("features=none", "features"),
        ("rebalance.enabled=false", "rebalance"),
        ("log.level=2&lso.walk_buffer=128", "lso"),
    ],
)
def test_one_node_has_no_settings_of_the_whole_cluster(
    cluster: ConfigScene, name: str, section: str
) -> None:
    before = cluster.config()
    error = told(cluster.send("PUT", f"daemon/set-config?{name}"))
    assert error.status == 400
    assert error.message == f"{section} configuration can only be globally updated"
    value = {key: text for key, _, text in (pair.partition("=") for pair in name.split("&"))}
    assert told(cluster.set_nested(value, "daemon")).message == error.message
    assert cluster.config() == before


def test_setting_what_is_so_already_makes_no_version(cluster: ConfigScene) -> None:
    assert cluster.set("rebalance.enabled=false&timeout.max_keepalive=4000ms").status == 200
    assert cluster.config()["config_version"] == "1"
    for _ in range(2):
        assert cluster.set("get_batch.max_wait=9s").status == 200
    assert cluster.config()["config_version"] == "2"


def test_what_a_client_read_it_can_write_back(cluster: ConfigScene) -> None:
    before = cluster.config()
    sent = {k: v for k, v in before.items() if isinstance(v, dict)}
    assert cluster.set_nested(sent).status == 200
    after = cluster.config()
    assert {**after, "config_version": "1", "lastupdate_time": ""} == before


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("get_batch.max_wait=2m", "from 1s to 1m"),
        ("get_batch.max_wait=soon", "from 1s to 1m"),
        ("get_batch.warmup_workers=11", "from -1 to 10"),
        ("get_batch.max_soft_errs=-1", "from 0 to"),
        ("checksum.type=sha1", "xxhash2, xxhash, md5"),
        ("chunks.max_monolithic_size=1MiB", "from 1GiB to 1TiB"),
        ("chunks.chunk_size=", "from 1KiB to 5GiB"),
        ("versioning.enabled=perhaps", "true or false"),
        ("log.level=9", "from 1 to 5"),
        ("log.level=0", "from 1 to 5"),
        ("jobs.kept=0", "from 1 to 10000"),
        ("mirror.enabled=perhaps", "true or false"),
        ("chunks.objsize_limit=2GiB&chunks.max_monolithic_size=1GiB", "must not be more"),
    ],
)
def test_a_bad_value_is_told_with_what_is_allowed(
    cluster: ConfigScene, query: str, allowed: str
) -> None:
    before = cluster.config()
    error = told(cluster.set(f"{query}&jobs.at_once=3"))
    assert (error.status, allowed in error.message) == (400, True)
    assert query.partition("=")[0] in error.message
    assert cluster.config() == before


@pytest.mark.parametrize(
    "query",
    [
        "rebalance.enabled=true",
        "timeout.send_file_time=10m",
        "get_batch.max_gfn=3",
        "space.cleanupwm=66",
        "keepalivetracker.proxy.interval=11s",
    ],
)
def test_what_one_node_does_not_do_is_refused_by_name(cluster: ConfigScene, query: str) -> None:
    error = told(cluster.set(query))
    assert (error.status, error.tcode) == (501, "ErrUnsupp")
    assert f'"{query.partition("=")[0]}"' in error.message


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("auth.enabled=false", "[auth]"),
        ("net.http.use_https=true", "[server]"),
        ("net.http.server_crt=other.crt", "[server]"),
        ("host_net.port=9000", "[server]"),
    ],
)
def test_what_needs_a_restart_says_so(cluster: ConfigScene, query: str, where: str) -> None:
    error = told(cluster.set(query))
    assert (error.status, error.tcode) == (501, "ErrUnsupp")
    assert where in error.message
    assert "restart" in error.message


def test_features_are_told_and_cannot_be_switched(
    cluster: ConfigScene, caplog: pytest.LogCaptureFixture
) -> None:
    assert cluster.config()["features"] == "0"
    for same in ("0", "none"):
        assert cluster.set(f"features={same}").status == 200
    for other in ("8", "S3-API-via-Root", "Fsync-PUT,S3-API-via-Root"):
        caplog.clear()
        assert cluster.set(f"features={other}").status == 200
        (record,) = caplog.records
        assert (record.levelname, record.msg) == ("WARNING", "features cannot be switched")
        assert "S3-API-via-Root" in vars(record)["features"]
        assert cluster.config()["features"] == "0"
    for wrong in ("", "No-Such-Feature", "-1", str(1 << 40)):
        assert told(cluster.set(f"features={wrong}")).status == 400


def test_an_unknown_key_is_told_with_the_one_that_was_meant(cluster: ConfigScene) -> None:
    error = told(cluster.set("get_batch.maxwait=3s"))
    assert (error.status, "did you mean get_batch.max_wait?" in error.message) == (400, True)
    for target in ("cluster/set-config", "daemon/set-config", "cluster/set-config?transient=true"):
        assert told(cluster.send("PUT", target)).status == 400
    assert told(cluster.set_nested({})).status == 400
    assert told(cluster.set_nested("x")).status == 400


ITEMS = ["attach?what=remote", "detach", "load-x509", "proxy", "enable-bend"]


@pytest.mark.parametrize("item", ITEMS)
def test_other_items_are_refused_by_name(cluster: ConfigScene, item: str) -> None:
    error = told(cluster.send("PUT", f"cluster/{item}"))
    assert (error.status, item.partition("?")[0] in error.message) == (501, True)
    assert told(cluster.send("PUT", "cluster/dance")).status == 400


@pytest.mark.parametrize(
    "action",
    [
        "shutdown", "decommission", "start-maintenance", "shutdown-node", "decommission-node",
        "rebalance", "attach-mp", "detach-mp",
    ],
)  # fmt: skip
def test_actions_on_nodes_are_refused_by_name(cluster: ConfigScene, action: str) -> None:
    for target in ("cluster", "daemon"):
        error = told(cluster.act("PUT", target, action))
        assert (error.status, f'"{action}"' in error.message) == (501, True)


# Who


@pytest.mark.parametrize("token", ["nobody", "reader", "owner"])
def test_only_administrators_change_the_configuration(cluster: ConfigScene, token: str) -> None:
    assert told(cluster.set("get_batch.max_wait=3s", token=token)).status == 403
    assert told(cluster.set_nested({"log": {"level": "4"}}, token=token)).status == 403
    assert told(cluster.act("PUT", "cluster", "reset-config", token=token)).status == 403
    assert cluster.config()["config_version"] == "1"


def test_every_change_is_audited(cluster: ConfigScene) -> None:
    cluster.set("get_batch.max_wait=3s")
    cluster.set("auth.enabled=false")
    cluster.act("PUT", "cluster", "reset-config")
    cluster.audit.close()
    lines = [json.loads(line) for block in cluster.lines.written for line in block.splitlines()]
    assert [(line["action"], line["outcome"]) for line in lines] == [
        ("PutClusterItem", "200"),
        ("PutClusterItem", "501"),
        ("ResetConfig", "200"),
    ]


# How long, and for whom


def test_another_process_sees_a_change_at_once(tmp_path: Path) -> None:
    with ConfigScene(tmp_path) as one, ConfigScene(tmp_path) as other:
        assert one.set("get_batch.max_wait=5s&checksum.type=md5").status == 200
        assert leaf(other.config(), "get_batch.max_wait") == "5s"
        bucket = other.new_bucket()
        assert props(other, bucket)["checksum"]["type"] == "md5"


def test_what_was_set_is_there_for_the_next_process(tmp_path: Path) -> None:
    with ConfigScene(tmp_path) as scene:
        scene.set("get_batch.max_wait=5s")
    with ConfigScene(tmp_path) as scene:
        assert leaf(scene.config(), "get_batch.max_wait") == "5s"
        assert scene.config()["config_version"] == "2"


def test_what_was_set_counts_before_the_file_until_it_is_reset(tmp_path: Path) -> None:
    base = RuntimeConfig(get_batch=GetBatch(max_wait_s=12.0, max_soft_errs=3))
    with ConfigScene(tmp_path, base=base) as scene:
        assert leaf(scene.config(), "get_batch.max_wait") == "12s"
        scene.set("get_batch.max_wait=5s")
        assert leaf(scene.config(), "get_batch.max_wait") == "5s"
        assert leaf(scene.config(), "get_batch.max_soft_errs") == 3
        assert scene.act("PUT", "cluster", "reset-config").status == 200
        assert leaf(scene.config(), "get_batch.max_wait") == "12s"
        assert scene.config()["config_version"] == "3"


def test_a_transient_change_holds_for_all_and_makes_no_version(tmp_path: Path) -> None:
    with ConfigScene(tmp_path) as one, ConfigScene(tmp_path) as other:
        one.set("get_batch.max_wait=5s")
        assert one.set("get_batch.max_wait=8s&transient=true").status == 200
        assert leaf(other.config(), "get_batch.max_wait") == "8s"
        assert other.config()["config_version"] == "2"
        # What is set for good takes its place.
        one.set("get_batch.max_wait=9s")
        assert leaf(other.config(), "get_batch.max_wait") == "9s"


def test_those_who_follow_are_told(cluster: ConfigScene) -> None:
    seen: list[float] = []
    cluster.settings.on_change(lambda now: seen.append(now.get_batch.max_wait_s))
    cluster.set("get_batch.max_wait=5s")
    cluster.set("checksum.type=md5")
    cluster.act("PUT", "cluster", "reset-config")
    assert seen == [30.0, 5.0, 5.0, 30.0]


# What new buckets inherit


def test_new_buckets_inherit_from_the_cluster_by_either_front_end(cluster: ConfigScene) -> None:
    before = cluster.new_bucket()
    cluster.set("checksum.type=sha256&chunks.chunk_size=1MiB&versioning.enabled=false")
    native = cluster.new_bucket()
    cluster.s3.create_bucket(Bucket="made-by-s3")
    cluster.put(native, "k", b"abc")
    for name in (native, "made-by-s3"):
        made = props(cluster, name)
        assert (made["checksum"]["type"], made["chunks"]["chunk_size"]) == ("sha256", "1MiB")
        assert made["versioning"]["enabled"] is False
        # S3's clients count on buckets that keep no versions.
        assert "Status" not in cluster.s3.get_bucket_versioning(Bucket=name)
    assert props(cluster, before)["checksum"]["type"] == "xxhash2"
    # What they have is theirs from then on.
    cluster.act("PUT", "cluster", "reset-config")
    assert props(cluster, native)["checksum"]["type"] == "sha256"
    assert cluster.act("PATCH", f"buckets/{native}", "reset-bprops").status == 200
    assert props(cluster, native)["checksum"]["type"] == "xxhash2"


def test_new_buckets_get_the_chunks_of_the_file(tmp_path: Path) -> None:
    base = configured(Config(chunks=Chunks(objsize_limit=1 << 20, chunk_size=64 << 10)))
    with ConfigScene(tmp_path, base=base) as cluster:
        first = cluster.new_bucket()
        assert props(cluster, first)["chunks"]["chunk_size"] == "64KiB"
        cluster.set("chunks.chunk_size=1MiB")
        second = cluster.new_bucket()
        told = props(cluster, second)["chunks"]
        assert (told["objsize_limit"], told["chunk_size"]) == ("1MiB", "1MiB")


def test_a_bucket_may_be_made_with_other_properties_than_the_clusters(
    cluster: ConfigScene,
) -> None:
    cluster.set("checksum.type=sha256&versioning.enabled=false")
    value = {"checksum": {"type": "none"}, "versioning": {"enabled": True}}
    assert cluster.act("POST", "buckets/other", "create-bck", value).status == 200
    made = props(cluster, "other")
    assert (made["checksum"]["type"], made["versioning"]["enabled"]) == ("none", True)
    assert "Status" not in cluster.s3.get_bucket_versioning(Bucket="other")


def test_nothing_is_changed_where_nothing_can_be_kept(scene: Scene) -> None:
    assert told(scene.send("PUT", "cluster/set-config?get_batch.max_wait=3s")).status == 501
    assert told(scene.act("PUT", "cluster", "reset-config")).status == 501


# Whatever happens


def test_no_change_is_lost_when_many_are_made_at_once(tmp_path: Path) -> None:
    names = ["get_batch.max_soft_errs", "get_batch.warmup_workers", "jobs.kept", "jobs.at_once"]
    with ConfigScene(tmp_path) as one, ConfigScene(tmp_path) as other:
        with ThreadPoolExecutor(8) as threads:
            changes = [
                threads.submit(scene.set, f"{name}={value}")
                for value in range(1, 6)
                for name, scene in zip(names, [one, other] * 2, strict=True)
            ]
            assert {change.result().status for change in changes} == {200}
        for name in names:
            assert leaf(one.config(), name) in range(1, 6)
        assert one.config() == other.config()
        assert 5 <= int(one.config()["config_version"]) <= 21


@pytest.mark.parametrize(
    "record",
    [b"{", b"[]", b'{"values":{"get_batch.max_wait":"soon","no.such":1}}', b'{"format":9}'],
)
def test_a_record_that_cannot_be_read_keeps_nobody_from_starting(
    tmp_path: Path, record: bytes
) -> None:
    with ConfigScene(tmp_path) as scene:
        scene.server.run(scene.coordination.transact([], [Put(RECORD, record)]))
        assert leaf(scene.config(), "get_batch.max_wait") == "30s"
        assert scene.set("get_batch.max_wait=5s").status == 200
        assert leaf(scene.config(), "get_batch.max_wait") == "5s"
