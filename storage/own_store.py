"""The store of a server itself, before which a tier may stand."""

from __future__ import annotations

from typing import Protocol

from storage.access_times import AccessTimes
from storage.backend import Store
from storage.writing.writers import Watermarks


class OwnStore(Store, Protocol):
    @property
    def access_times(self) -> AccessTimes: ...

    def keep_to(self, watermarks: Watermarks) -> None:
        """Refuse writes by these from now on."""
        ...

    def surplus_bytes(self, low: float, high: float) -> int:
        """Return the bytes to remove so that the disks have at most the share `low` of them used; 0
        unless one has more than `high`."""
        ...
