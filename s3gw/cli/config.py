"""`s3gw config`: what is in effect, and what there is."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import msgspec

from s3gw.cli.commands import Commands, add_command, add_settings, load_settings
from s3gw.config import HIDDEN, Loaded, settings
from s3gw.config_docs import configuration_page
from s3gw.sections import Config

_SHOW_EXAMPLES = """\
  s3gw config show
  s3gw config show --config /etc/s3gw.toml --port 8000
  S3GW_LOG_LEVEL=debug s3gw config show --json"""


def add_to(commands: Commands) -> None:
    parser = commands.add_parser(
        "config", help="show the configuration", description="Show the configuration."
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    summary = "print the settings in effect without secrets, and where each comes from"
    show = add_command(actions, "show", summary, run_show, _SHOW_EXAMPLES)
    show.add_argument("--json", action="store_true", help="for programs")
    add_settings(show)
    summary = "print docs/configuration.md: every setting there is"
    add_command(actions, "docs", summary, run_docs, "  s3gw config docs")


def run_show(args: argparse.Namespace) -> int:
    loaded = load_settings(args)
    print(as_json(loaded) if args.json else as_table(loaded))
    return 0


def run_docs(args: argparse.Namespace) -> int:
    print(configuration_page(), end="")
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
        key: _without_secrets(row.value_in(config), row.option.secret)
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
        item.name: _without_secrets(getattr(each, item.name), item.metadata["option"].secret)
        for item in fields(each)
    }


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
