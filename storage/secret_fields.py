"""Values of which some fields are never shown, in no log and no error."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class WithSecretFields(Struct, frozen=True):
    """Base of values that hold a key or a password: `secret_fields` are missing in their `repr`."""

    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = [name for name in self.__struct_fields__ if name not in self.secret_fields]
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__name__}({values})"
