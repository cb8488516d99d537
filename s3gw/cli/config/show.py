"""`s3gw config show`: what is in effect here, and why."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import msgspec

from s3gw.cli.commands import Parser, describe
from s3gw.cli.settings import add_settings, load_settings
from s3gw.config.catalog import settings
from s3gw.config.declaration import declared
from s3gw.config.loading import HIDDEN, Loaded
from s3gw.config.schema import Config

_EXAMPLES = """\
  s3gw config show
  s3gw config show --config /etc/s3gw.toml --port 8000
  S3GW_LOG_LEVEL=debug s3gw config show --json"""


def define(parser: Parser) -> None:
    describe(parser, run, _EXAMPLES)
    parser.add_argument("--json", action="store_true", help="for programs")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    loaded = load_settings(args)
    print(as_json(loaded) if args.json else as_table(loaded))
    return 0


def as_json(loaded: Loaded) -> str:
    values = effective(loaded.config)
    document = {key: {"value": values[key], "source": loaded.sources[key]} for key in values}
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def as_table(loaded: Loaded) -> str:
    values = {key: _text(value) for key, value in effective(loaded.config).items()}
    width = max(map(len, values))
    wide = min(max(map(len, values.values())), 40)
    return "\n".join(
        f"{key:{width}} = {value:{wide}}  # {loaded.sources[key]}" for key, value in values.items()
    )


def effective(config: Config) -> dict[str, Any]:
    """Every setting's value by key; secrets are hidden."""
    return {
        key: _without_secrets(row.value_in(config), row.declaration.secret)
        for key, row in settings().items()
    }


def _without_secrets(value: Any, secret: bool) -> Any:
    if secret:
        return HIDDEN if value else ""
    if isinstance(value, tuple):
        return [_row_without_secrets(each) for each in value]
    return value


def _row_without_secrets(each: Any) -> Any:
    if isinstance(each, str):
        return each
    return {
        item.name: _without_secrets(getattr(each, item.name), declared(item).secret)
        for item in fields(each)
    }


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
