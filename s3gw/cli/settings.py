"""Settings as flags, for the commands of whoever owns the data folder."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from s3gw.config.catalog import Setting, settings
from s3gw.config.docs import shown_default
from s3gw.config.loading import Loaded, load
from s3gw.config.types import Texts


def add_settings(parser: argparse.ArgumentParser, only: Collection[str] | None = None) -> None:
    """A flag for each setting that has one, or only for the ones with these keys, and
    `--config`."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="a TOML file with settings, see docs/configuration.md (variable S3GW_CONFIG)",
    )
    for row in settings().values():
        if row.declaration.flag and (only is None or row.key in only):
            parser.add_argument(row.declaration.flag, dest=row.key, **_argument(row))


def load_settings(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> Loaded:
    named = args.config or environ.get("S3GW_CONFIG")
    flags = {key: value for key, value in vars(args).items() if key in settings()}
    return load(file=Path(named) if named else None, environ=environ, flags=flags)


def _argument(row: Setting) -> dict[str, Any]:
    declaration = row.declaration
    about = f"{declaration.doc} (default: {shown_default(row)})"
    if declaration.flag_value is not None:
        about = declaration.flag_doc or about
    about = about.replace("%", "%%").replace("`", "")
    common = {"default": argparse.SUPPRESS, "help": about}
    if declaration.flag_value is not None:
        return {**common, "action": "store_const", "const": declaration.flag_value}
    if isinstance(declaration.type, Texts):
        return {**common, "action": "append", "metavar": declaration.metavar}
    return {**common, "metavar": declaration.metavar or "|".join(_words(row))}


def _words(row: Setting) -> tuple[str, ...]:
    return getattr(row.declaration.type, "words", ("VALUE",))
