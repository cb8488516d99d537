"""The durable store on local mountpaths.

`recovery` prepares the mountpaths before `store` opens them, `maintenance` runs beside it, `fsck`
and `scrub` check them.
"""

from storage.backends.local.maintenance import Maintainer
from storage.backends.local.mountpath import FolderLocks
from storage.backends.local.options import Durability, StoreOptions
from storage.backends.local.recovery import give_up_ballast, prepare, recover_slot
from storage.backends.local.store import LocalStore, has_room
from storage.writing.writers import Watermarks

__all__ = [
    "Durability",
    "FolderLocks",
    "LocalStore",
    "Maintainer",
    "StoreOptions",
    "Watermarks",
    "give_up_ballast",
    "has_room",
    "prepare",
    "recover_slot",
]
