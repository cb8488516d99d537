"""Events and log lines of a node that is lost: another node delivers them."""

from __future__ import annotations

import shutil

from tests.cluster.gateways.scene import GatewayCluster
from tests.server_process import eventually
from tests.webhook import BUCKET, Hook, listening, notify, port_of, write_settings


def test_what_a_lost_machine_announced_is_delivered_by_another(cluster: GatewayCluster) -> None:
    with listening(Hook()) as closed:
        flags = ["--config", str(write_settings(cluster.folder, closed.url))]
    leader, lost = cluster.node("leader", flags=flags), cluster.node("lost", flags=flags)
    leader.start()
    lost.start()
    client = lost.client()
    notify(client)
    client.create_bucket(Bucket="logs")
    client.put_bucket_logging(
        Bucket=BUCKET,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": ""}},
    )
    for key in ("a", "b"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    logs = leader.client()
    eventually(lambda: logs.list_objects_v2(Bucket="logs")["KeyCount"], "the log is delivered")
    lost.kill9_all()
    shutil.rmtree(lost.data[0])
    with listening(Hook(), port_of(closed)) as hook:
        hook.wait_for(3)
    assert hook.keys == ["a", "b"]
