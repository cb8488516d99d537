"""Folders of a server: what belongs to its machine, and what all machines share."""

from __future__ import annotations

import socket
from pathlib import Path

from s3gw.config.schema import Config

# The coordination store of a machine in a cluster, in its own folder.
REPLICA = "coordination"


def own_folder(config: Config) -> Path:
    """The folder of what belongs to this machine: the first data folder."""
    return Path(config.storage.data[0])


def common_folder(config: Config) -> Path:
    """The folder of keys and credentials, unless they are configured to be elsewhere: in a cluster
    all machines read them there."""
    return Path(config.cluster.shared_folder) if config.cluster.database else own_folder(config)


def data_folders(config: Config) -> list[Path]:
    """The folders whose disks have the bytes of objects."""
    if config.cluster.database:
        return [common_folder(config)]
    return [Path(folder) for folder in config.storage.data]


def node_name(config: Config) -> str:
    """The name of this machine in its cluster."""
    return config.cluster.node or socket.gethostname()
