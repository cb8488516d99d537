"""The durable store on local mountpaths.

`recovery` prepares the mountpaths before `store` opens them, `maintenance` runs beside it, `fsck`
and `scrub` check them.
"""

from storage.backends.local.maintenance import Maintainer
from storage.backends.local.mountpath import FolderLocks
from storage.backends.local.options import Durability, StoreOptions
from storage.backends.local.recovery import prepare, recover_slot
from storage.backends.local.store import LocalStore

__all__ = [
    "Durability",
    "FolderLocks",
    "LocalStore",
    "Maintainer",
    "StoreOptions",
    "prepare",
    "recover_slot",
]
