"""Fast tier: buckets of other stores, and what was read of them kept here.

A bucket that stands for one of a backend has the setting `RemoteBucket`. `TieredStore` is the store
of front ends and jobs where there are backends: it passes what is about other buckets on to the
local store, and keeps both in step for these. An object of them that is here too is an ordinary
object of the local store, with its `origin` in its attributes.

* A read finds the object here, or brings it: once, however many ask for it (`downloads`).
* A write goes through: the backend has the object before it is shown here (`tee`).
* A listing is the backend's, with what is here marked in it (`listing`).

Changes of one object in both places happen under one lock, of all processes (`locks`): so what is
here is never older than what the backend had when it was fetched or written last.
"""

from storage.tier.remote import RemoteBucket, stored_name
from storage.tier.store import TieredStore
from storage.tier.tier import Policy, Tier

__all__ = ["Policy", "RemoteBucket", "Tier", "TieredStore", "stored_name"]
