"""Cluster configuration as AIStore writes it: every section that its clients read.

`KEYS` are the ones that can be changed. Every other key has one value: what the server does, or
AIStore's default where one node never does it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from s3gw.config.runtime import KEYS, Settings
from s3gw.config.types import Wire
from s3gw.native.bucket_props import Bprops
from s3gw.native.dotted_keys import flat, nested
from s3gw.native.services import NativeServices
from s3gw.telemetry.node_info import NodeInfo

# Sections that are the same as the bucket properties.
_OF_BUCKETS = ("write_policy", "checksum", "rate_limit", "ec", "chunks", "mirror", "lru")
_NS = 1_000_000_000

_FIXED = """
[log]
max_size = "1MiB"
max_total = "2MiB"
flush_time = "0"
stats_time = "0"
to_stderr = true

[periodic]
stats_time = "10s"
retry_sync_time = "2s"
notif_time = "30s"

[timeout]
cplane_operation = "2s"
max_keepalive = "4s"
max_host_busy = "20s"
startup_time = "1m"
join_startup_time = "3m"
send_file_time = "5m"
ec_streams_time = "10m"
object_md = "2h"
cold_get_conflict = "5s"

[client]
client_timeout = "10s"
client_long_timeout = "5m"
list_timeout = "5m"

[proxy]
primary_url = ""
original_url = ""
discovery_url = ""
non_electable = false

[space]
cleanupwm = 65
batch_size = 32768
dont_cleanup_time = "2h"

[disk]
disk_util_low_wm = 20
disk_util_high_wm = 80
disk_util_max_wm = 95
iostat_time_long = "2s"
iostat_time_short = "100ms"
iostat_time_smooth = "8s"

[rebalance]
compression = "never"
bundle_multiplier = 2
burst_buffer = 512
dest_retry_time = "2m"
enabled = false

[resilver]
enabled = false

[versioning]
validate_warm_get = false
synchronize = false

[net]
use_ipv6 = false

[net.l4]
proto = "tcp"
sndrcv_buf_size = 0

[net.http]
server_crt = ""
server_key = ""
domain_tls = ""
client_ca_tls = ""
client_auth_tls = 0
idle_conn_time = "6s"
backend_idle_conn_time = "6s"
idle_conns_per_host = 32
idle_conns = 256
write_buffer_size = 0
read_buffer_size = 0
skip_verify = false
chunked_transfer = true

[fshc]
test_files = 4
error_limit = 2
io_err_limit = 10
io_err_time = "10s"
enabled = false

[auth.intra_cluster]
enabled = false
request_auth = false
ttl = "0"
nonce_window = "1m"
rotation_grace = "1m"

[keepalivetracker]
num_retries = 3
retry_factor = 4

[keepalivetracker.proxy]
name = "heartbeat"
interval = "10s"
factor = 3

[keepalivetracker.target]
name = "heartbeat"
interval = "10s"
factor = 3

[distributed_sort]
call_timeout = "10m"
dsorter_mem_threshold = "100GB"
compression = "never"
bundle_multiplier = 4

[downloader]
timeout = "1h"

[transport]
max_header = 4096
burst_buffer = 512
idle_teardown = "4s"
quiescent = "10s"
lz4_block = "256KiB"
lz4_frame_checksum = false

[memsys]
min_free = "2GiB"
default_buf = "32KiB"
to_gc = "4GiB"
hk_time = "3m"
min_pct_total = 0
min_pct_free = 0

[tcb]
compression = "never"
bundle_multiplier = 2
burst_buffer = 512

[tco]
compression = "never"
bundle_multiplier = 2
burst_buffer = 512

[arch]
compression = "never"
bundle_multiplier = 2
burst_buffer = 512

[lso]
compression = "never"
bundle_multiplier = 1
burst_buffer = 32
walk_buffer = 128
idle_time = "20s"
quiescent = "5s"

[get_batch]
compression = "never"
bundle_multiplier = 2
burst_buffer = 512
max_gfn = 0
"""


def _fixed() -> Mapping[str, Wire]:
    of_buckets = msgspec.to_builtins(Bprops())
    sections = {name: of_buckets[name] for name in _OF_BUCKETS}
    return MappingProxyType({**dict(flat(sections)), **dict(flat(tomllib.loads(_FIXED)))})


FIXED = _fixed()


def shown_values(services: NativeServices) -> dict[str, Wire]:
    """Return every key and its value."""
    of_this_server: dict[str, Wire] = {
        "auth.enabled": services.authn.enabled,
        "auth.client_auth_required": services.authn.enabled,
        "features": str(services.node.features),
        "net.http.use_https": services.node.certificate is not None,
    }
    in_force = services.settings.in_force
    changeable = {name: key.shown(in_force) for name, key in KEYS.items()}
    return {**FIXED, **of_this_server, **changeable}


def cluster_config(services: NativeServices) -> dict[str, Any]:
    """Return the cluster's configuration. `config_version` is a text; secrets are left out."""
    return nested(shown_values(services)) | {
        "backend": {"ais": (services.remote.clusters.urls or None) if services.remote else None},
        "uuid": services.site.cluster_id,
        "config_version": str(services.settings.record.version),
        "lastupdate_time": _updated(services.settings),
    }


def node_config(services: NativeServices) -> dict[str, Any]:
    """Return the cluster's configuration, and what only this node has."""
    return cluster_config(services) | local_config(services.node)


def local_config(facts: NodeInfo) -> dict[str, Any]:
    port = str(facts.port)
    return {
        "confdir": "",
        "log_dir": "",
        "host_net": {
            "hostname": facts.host,
            "hostname_intra_control": "",
            "hostname_intra_data": "",
            "port": port,
            "port_intra_control": port,
            "port_intra_data": port,
        },
        "fspaths": {str(folder.absolute()): "" for folder in facts.folders},
        "test_fspaths": {"root": "", "count": 0, "instance": 0},
    }


def _updated(settings: Settings) -> str:
    """Return the time of the last change; empty before the first one."""
    at_ns = settings.record.updated_ns
    return datetime.fromtimestamp(at_ns // _NS, UTC).isoformat() if at_ns else ""
