"""Location of an object: target, mountpath and disks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

from s3gw.native.call import NativeCall
from s3gw.telemetry.host_stats import is_rotational, room_of
from storage.backends.local.placement import digest_of, place
from storage.values import BucketInfo


class _Identity(msgspec.Struct):
    uuid: str = ""


def mountpath_of(folders: Sequence[Path], bucket: BucketInfo, key: str) -> Path:
    """Return the data folder whose index has the object. A store without folders has the root."""
    if len(folders) < 2:
        return folders[0].absolute() if folders else Path("/")
    at = place(bucket.lasting_name, key, [_digest(folder) for folder in folders])
    return folders[at].absolute()


def location_of(call: NativeCall, key: str) -> str:
    folder = mountpath_of(call.native.node.folders, call.bucket_info, key)
    return f"t[{call.native.members.target}]:{described(folder)}"


@lru_cache(maxsize=64)
def described(folder: Path) -> str:
    """Return the mountpath with its disks and their kind."""
    try:
        (room,) = room_of([folder])
    except OSError:
        return f"mp[{folder}]"
    disks = room.filesystem.disks
    kinds = ["hdd" if any(map(is_rotational, disks)) else "ssd"] if disks else []
    return f"mp[{', '.join([str(folder), *disks, *kinds])}]"


@lru_cache(maxsize=64)
def _digest(folder: Path) -> int:
    try:
        text = (folder / "mountpath.json").read_bytes()
        return digest_of(msgspec.json.decode(text, type=_Identity).uuid)
    except (OSError, msgspec.DecodeError):
        return digest_of(str(folder))
