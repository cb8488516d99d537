"""`s3gw config show`: the settings in effect here, and their sources."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import msgspec

from s3gw.cli.parameters import switch
from s3gw.cli.parsing import Command
from s3gw.cli.setting_flags import GivenSettings, setting_flags
from s3gw.config.catalog import settings
from s3gw.config.declaration import declared
from s3gw.config.loading import HIDDEN, Loaded
from s3gw.config.schema import Config

_EXAMPLES = """\
  s3gw config show
  s3gw config show --config /etc/s3gw.toml --port 8000
  S3GW_LOG_LEVEL=debug s3gw config show --json"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    json: bool = switch(help="print JSON, for programs")
    settings: GivenSettings = setting_flags()


def run(options: Options) -> int:
    loaded = options.settings.load()
    print(as_json(loaded) if options.json else as_table(loaded))
    return 0


COMMAND = Command(Options, run, _EXAMPLES)


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
    """Return every setting's value by key; secrets are hidden."""
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
