"""Declarations of settings: one dataclass field for each.

    at_once: int = setting(
        4, "How many jobs run at the same time.", Whole(1, 64), changeable=True
    )

The file, the variable, the flag, `set-config` of the native API, the JSON schema, the messages and
docs/configuration.md all come from that. A field whose default is made by another dataclass is a
table, `[section]` or `[section.table]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from inspect import cleandoc
from typing import Any

from s3gw.config.types import Schema, SettingType

_METADATA = "declaration"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What there is to know of a setting besides its name and its default.

    `flag`, `metavar`, `flag_value` (what a flag without a value means) and `flag_doc` are for the
    command line. `variable` is needed only where the name differs from `S3GW_<SECTION>_<KEY>`.
    `aliases` are other names that a file may use for it, in the same table. A `changeable` setting
    can be changed while the cluster runs, by `set-config`; `on_wire` is its name there, where
    AIStore's is not ours.
    """

    doc: str
    type: SettingType
    flag: str | None = None
    metavar: str | None = None
    flag_value: str | None = None
    flag_doc: str | None = None
    variable: str | None = None
    secret: bool = False
    shown_default: str | None = None
    aliases: tuple[str, ...] = ()
    changeable: bool = False
    on_wire: str | None = None


@dataclass(frozen=True, slots=True)
class Tables(SettingType):
    """A list of TOML tables, each read as `row`; only a file can hold them."""

    row: type[Any]

    @property
    def allowed(self) -> str:
        return "a list of tables in the file"

    def from_text(self, text: str) -> object:
        raise ValueError

    def read(self, value: object) -> object:
        raise NotImplementedError("the loader reads rows itself, to name the key in each error")

    def json_schema(self) -> Schema:
        return {"type": "array", "items": table_schema(self.row)}


def setting(default: Any, doc: str, type: SettingType, **more: Any) -> Any:
    """Return a dataclass field that is a setting; `more` are further fields of `Declaration`."""
    return field(default=default, metadata={_METADATA: Declaration(doc, type, **more)})


def required(doc: str, type: SettingType, **more: Any) -> Any:
    """Return a field as `setting` does, of a row that makes no sense without it."""
    return field(metadata={_METADATA: Declaration(doc, type, **more)})


def declared(item: Field[Any]) -> Declaration:
    """Return what is declared of a field that is a setting."""
    declaration: Declaration = item.metadata[_METADATA]
    return declaration


def table_of(item: Field[Any]) -> type[Any] | None:
    """Return the class of a field that is a table, each field of which is a setting or a table
    again; None for a setting. The class' docstring says what the table is for."""
    row: object = item.default_factory
    return row if isinstance(row, type) and is_dataclass(row) else None


def table_schema(row: type[Any]) -> dict[str, object]:
    """Return the JSON schema of a table whose keys are the fields of `row`, and no others."""
    properties: dict[str, object] = {}
    for item in fields(row):
        inner = table_of(item)
        if inner is not None:
            properties[item.name] = {
                "description": cleandoc(inner.__doc__ or ""),
                **table_schema(inner),
            }
            continue
        declaration = declared(item)
        for name in (item.name, *declaration.aliases):
            properties[name] = _field_schema(item, declaration)
    needed = [item.name for item in fields(row) if is_required(item)]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
    }


def is_required(item: Field[Any]) -> bool:
    """Return whether a row must have the field."""
    return item.default is MISSING and item.default_factory is MISSING


def _field_schema(item: Field[Any], declaration: Declaration) -> Mapping[str, object]:
    schema = {"description": declaration.doc, **declaration.type.json_schema()}
    if item.default is not MISSING and declaration.shown_default is None:
        schema["default"] = item.default
    if declaration.secret:
        schema["writeOnly"] = True
    return schema
