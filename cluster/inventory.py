"""Inventory configurations of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html
"""

from __future__ import annotations

from enum import Enum, unique
from typing import ClassVar

from msgspec import Struct

from storage.settings import Setting

# As AWS limits them.
MAX_CONFIGURATIONS = 1000


@unique
class Format(Enum):
    CSV = "CSV"
    ORC = "ORC"
    PARQUET = "Parquet"


@unique
class Frequency(Enum):
    """How often a report is made; the number of days."""

    DAILY = "Daily"
    WEEKLY = "Weekly"

    @property
    def days(self) -> int:
        return 1 if self is Frequency.DAILY else 7


class Destination(Struct, frozen=True):
    """Where reports are written: a bucket, and the beginning of their keys. `scheme` is `AES256`,
    `aws:kms` or empty for the bucket's default; `key_id` is of the second."""

    bucket: str
    prefix: str = ""
    account: str = ""
    scheme: str = ""
    key_id: str = ""


class Inventory(Struct, frozen=True):
    """A report on the objects with the prefix. `fields` are AWS' optional ones."""

    id: str
    destination: Destination
    format: Format
    frequency: Frequency
    all_versions: bool
    enabled: bool = True
    prefix: str = ""
    fields: tuple[str, ...] = ()


class Inventories(Setting, frozen=True):
    """All of a bucket, by id."""

    setting_name: ClassVar[str] = "inventories"

    configurations: tuple[Inventory, ...] = ()

    def find(self, id: str) -> Inventory | None:
        return next((each for each in self.configurations if each.id == id), None)

    def with_one(self, inventory: Inventory) -> Inventories:
        """Return them with this one in the place of the one with its id."""
        others = [each for each in self.configurations if each.id != inventory.id]
        return Inventories(tuple(sorted([*others, inventory], key=lambda each: each.id)))

    def without(self, id: str) -> Inventories:
        return Inventories(tuple(each for each in self.configurations if each.id != id))
