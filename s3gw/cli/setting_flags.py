"""The server's settings as flags, for commands that open the data folder."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any

from s3gw.cli.parameters import Container, Parameter, from_source
from s3gw.config.catalog import Setting, settings
from s3gw.config.docs import shown_default
from s3gw.config.loading import Loaded, load
from s3gw.config.types import Texts


@dataclass(frozen=True, slots=True)
class GivenSettings:
    """`--config`, and the values of those settings that have a flag, by key."""

    file: Path | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    def load(
        self, environ: Mapping[str, str] = os.environ, *, is_for_server: bool = True
    ) -> Loaded:
        """Return the whole configuration; that of a server has all that it needs. Raises
        `ConfigError`."""
        file = self.file or environ.get("S3GW_CONFIG")
        return load(
            file=Path(file) if file else None,
            environ=environ,
            flags=self.values,
            is_for_server=is_for_server,
        )


def setting_flags(only: Collection[str] | None = None) -> Any:
    """Declare `--config` and a flag for each setting that has one, or only for those with these
    keys."""
    return from_source(_SettingFlags(only), GivenSettings)


@dataclass(frozen=True, slots=True)
class _SettingFlags:
    only: Collection[str] | None
    exclusive: str = ""

    def add_to(self, container: Container, dest: str) -> None:
        about = "a TOML file with settings, see docs/configuration.md (variable S3GW_CONFIG)"
        config = Parameter(Path, {"metavar": "FILE", "help": about}, long="--config")
        config.add_to(container, f"{dest}.config")
        for row in self._rows():
            flag = Parameter(None, _how(row), long=row.declaration.flag or "")
            flag.add_to(container, f"{dest}.{row.key}")

    def value_in(self, parsed: Mapping[str, Any], dest: str) -> Any:
        keys = [row.key for row in self._rows()]
        values = {key: parsed[f"{dest}.{key}"] for key in keys if f"{dest}.{key}" in parsed}
        file = parsed.get(f"{dest}.config", MISSING)
        return GivenSettings(None if file is MISSING else file, values)

    def _rows(self) -> list[Setting]:
        return [
            row
            for row in settings().values()
            if row.declaration.flag and (self.only is None or row.key in self.only)
        ]


def _how(row: Setting) -> dict[str, Any]:
    about = f"{row.declaration.doc} (default: {shown_default(row)})".replace("%", "%%").replace(
        "`", ""
    )
    if row.declaration.flag_value is not None:
        about = row.declaration.flag_doc or about
        return {"help": about, "action": "store_const", "const": row.declaration.flag_value}
    if isinstance(row.declaration.type, Texts):
        return {"help": about, "action": "append", "metavar": row.declaration.metavar}
    return {"help": about, "metavar": row.declaration.metavar or "|".join(_words(row))}


def _words(row: Setting) -> tuple[str, ...]:
    return getattr(row.declaration.type, "words", ("VALUE",))
