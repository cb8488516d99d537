"""The durable store on local mountpaths. `store` has the store, `recovery` what comes before it,
`housekeeping` what runs beside it, `fsck` and `scrub` what checks it."""

from storage.backends.local.housekeeping import Chores, Housekeeper
from storage.backends.local.options import Durability, StoreOptions
from storage.backends.local.recovery import prepare, recover_slot
from storage.backends.local.store import LocalStore

__all__ = [
    "Chores",
    "Durability",
    "Housekeeper",
    "LocalStore",
    "StoreOptions",
    "prepare",
    "recover_slot",
]
