"""Objects that are leaving their name for one on another mountpath (`crossing`)."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from storage.index.rows import Row
from storage.values import Versioning


class Departure(Struct, frozen=True, array_like=True):
    """An object is leaving its name, for one in the index of `mountpath`. Once that has noted the
    `id` as arrived, `version` is gone here and the delete marker, if there is one, is on top."""

    id: str
    mountpath: str
    versioning: Versioning
    version: str
    marker: Row | None

    def leaves(self, row: Row | None, version: str | None) -> Row | None:
        """What a reader of `version` finds who would have found `row`."""
        if version is None or (self.marker is not None and version == self.marker.version):
            return self.marker
        return None if version == self.version else row


decode_departure = msgspec.msgpack.Decoder(Departure).decode
