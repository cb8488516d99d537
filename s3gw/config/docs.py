"""docs/configuration.md, written from the declarations of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from s3gw.config.events import NotificationTarget
from s3gw.config.loading import OTHER_VARIABLES, Setting, settings
from s3gw.config.schema import SECTIONS, Account
from s3gw.config.types import Duration, Option, Size, Table, show_duration, show_size

_HEAD = """\
# Configuration

<!-- Written by `s3gw config docs`; a test compares the two. -->

Everything has a default: `s3gw serve` needs no configuration. A value is looked for in this order,
and the first that is found counts:

1. a flag of the command (`s3gw serve --help`),
2. a variable of the environment,
3. the TOML file that `--config` or `S3GW_CONFIG` names,
4. the default.

What no setting claims is an error, in the file and among the variables that begin with `S3GW_`, so
that a slip of the pen never passes silently. `s3gw config show` prints what is in effect and where
each value comes from, without secrets.

Some settings can be changed while the server runs, by the native API's `set-config`
(docs/native.md): they are kept in the first data folder, hold for all processes at once, and count
before all of the above until `reset-config`. They are `get_batch.max_wait`, `.warmup_workers` and
`.max_soft_errs`, `jobs.*`, `log.level`, and what new buckets inherit. `s3gw config show` tells what
the server was started with.

A list in a variable has commas between its items; a flag for a list is given once for each item.

```toml
[server]
host = "0.0.0.0"
port = 8080

[storage]
data = ["/disk1/s3gw", "/disk2/s3gw"]

[s3]
domain = ["s3.example.com"]

[auth]
root_access_key = "AKIAEXAMPLEEXAMPLE00"
root_secret_key = "change-me-please"

[[auth.accounts]]
id = "alice"
access_key = "AKIAEXAMPLEEXAMPLE01"
secret_key = "change-me-as-well"
```
"""

_ACCOUNTS = """
### Accounts

An account may make buckets, and use those that it made; the root account may use all. Each is
a table `[[auth.accounts]]` of the file:
"""

_TARGETS = """
### Notification targets

Each is a table `[[notifications.targets]]` of the file; docs/notifications.md says how a bucket
names it:
"""

_OTHERS = """
## Other variables
"""


def configuration_page() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    for section, kind in SECTIONS.items():
        yield f"## `[{section}]`\n\n{kind.__doc__}\n"
        yield from _table(section, kind)
    yield _ACCOUNTS
    yield from _columns(Account)
    yield _TARGETS
    yield from _columns(NotificationTarget)
    yield _OTHERS
    for name, about in OTHER_VARIABLES.items():
        yield f"* `{name}`: {about}."
    yield ""


def _table(key: str, kind: type[Any]) -> Iterator[str]:
    for item in fields(kind):
        declared: Option = item.metadata["option"]
        name = f"{key}.{item.name}"
        if isinstance(declared.kind, Table):
            yield f"### `[{name}]`\n\n{declared.doc}\n"
            if declared.aliases:
                yield from (*_spellings(declared), "")
            yield from _table(name, declared.kind.row)
        else:
            yield from _setting(settings()[name])


def _spellings(declared: Option) -> Iterator[str]:
    if declared.aliases:
        names = ", ".join(f"`{alias}`" for alias in declared.aliases)
        yield f"* in a file also written as {names}"


def _columns(table: type[Any]) -> Iterator[str]:
    for column in fields(table):
        declared: Option = column.metadata["option"]
        need = "required" if column.default is MISSING else "optional"
        yield f"* `{column.name}` ({need}): {declared.doc} Must be {declared.kind.allowed}."


def _setting(row: Setting) -> Iterator[str]:
    yield f"### `{row.key}`\n"
    yield f"{row.option.doc}\n"
    yield f"* allowed: {row.option.kind.allowed}"
    yield f"* default: {shown_default(row)}"
    if row.variable:
        yield f"* variable: `{row.variable}`"
    if row.option.flag:
        yield f"* flag: `{' '.join(_flag(row.option))}`"
    yield from _spellings(row.option)
    yield ""


def shown_default(row: Setting) -> str:
    if row.option.shown_default:
        return row.option.shown_default
    if isinstance(row.option.kind, Size):
        return f"`{show_size(row.default)}`"
    if isinstance(row.option.kind, Duration):
        return f"`{show_duration(row.default)}`"
    if isinstance(row.default, tuple):
        return ", ".join(f"`{item}`" for item in row.default) or "none"
    if isinstance(row.default, float):
        return f"`{row.default:g}`"
    return f"`{str(row.default).lower() if isinstance(row.default, bool) else row.default}`"


def _flag(declared: Option) -> Iterator[str]:
    yield declared.flag or ""
    if declared.flag_value is None:
        yield declared.metavar or "|".join(getattr(declared.kind, "words", ()))
