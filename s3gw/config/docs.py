"""Text of docs/configuration.md, from the declarations of the settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from inspect import cleandoc
from typing import Any

from s3gw.config.auth import Account
from s3gw.config.catalog import Setting, settings
from s3gw.config.declaration import Declaration, declared, is_required, table_of
from s3gw.config.loading import OTHER_VARIABLES
from s3gw.config.notifications import NotificationTarget
from s3gw.config.schema import SECTIONS

_HEAD = """\
# Configuration

<!-- Written by `s3gw config docs`; a test compares the two. -->

Everything has a default: `s3gw serve` needs no configuration. A value is looked for in this order,
and the first that is found counts:

1. a flag of the command (`s3gw serve --help`),
2. a variable of the environment,
3. the TOML file that `--config` or `S3GW_CONFIG` names,
4. the default.

A name that is not a setting is an error, in the file and among the variables that begin with
`S3GW_`, so that a misspelt one is never ignored. `s3gw config show` prints what is in effect and
where each value comes from, without secrets; `s3gw config schema` prints a JSON schema of the file,
for editors and for checks before a start.

Some settings can be changed while the server runs, by the native API's `set-config`
(docs/native.md): they are kept in the first data folder, hold for all processes at once, and count
before all of the above until `reset-config`. They have a line "while the server runs" below; what
new buckets inherit is among them too (docs/native.md has the names). `s3gw config show` prints what
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

An account may create buckets, and use those that it created; the root account may use all. Each is
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
    for section, row in SECTIONS.items():
        yield f"## `[{section}]`\n\n{cleandoc(row.__doc__ or '')}\n"
        yield from _table(section, row)
    yield _ACCOUNTS
    yield from _columns(Account)
    yield _TARGETS
    yield from _columns(NotificationTarget)
    yield _OTHERS
    for name, about in OTHER_VARIABLES.items():
        yield f"* `{name}`: {about}."
    yield ""


def _table(key: str, row: type[Any]) -> Iterator[str]:
    for item in fields(row):
        inner, name = table_of(item), f"{key}.{item.name}"
        if inner is None:
            yield from _setting(settings()[name])
        else:
            yield f"### `[{name}]`\n\n{cleandoc(inner.__doc__ or '')}\n"
            yield from _table(name, inner)


def _columns(table: type[Any]) -> Iterator[str]:
    for column in fields(table):
        declaration = declared(column)
        need = "required" if is_required(column) else "optional"
        yield f"* `{column.name}` ({need}): {declaration.doc} Must be {declaration.type.allowed}."


def _setting(row: Setting) -> Iterator[str]:
    yield f"### `{row.key}`\n"
    yield f"{row.declaration.doc}\n"
    yield f"* allowed: {row.declaration.type.allowed}"
    yield f"* default: {shown_default(row)}"
    if row.variable:
        yield f"* variable: `{row.variable}`"
    if row.declaration.flag:
        yield f"* flag: `{' '.join(_flag(row.declaration))}`"
    if row.declaration.changeable:
        yield f"* while the server runs: `{row.name_on_wire}` of `s3gw config set`"
    if row.declaration.aliases:
        names = ", ".join(f"`{alias}`" for alias in row.declaration.aliases)
        yield f"* in a file also written as {names}"
    yield ""


def shown_default(row: Setting) -> str:
    if row.declaration.shown_default:
        return row.declaration.shown_default
    if isinstance(row.default, tuple):
        return ", ".join(f"`{item}`" for item in row.default) or "empty"
    return f"`{row.declaration.type.show(row.default)}`"


def _flag(declaration: Declaration) -> Iterator[str]:
    yield declaration.flag or ""
    if declaration.flag_value is None:
        yield declaration.metavar or "|".join(getattr(declaration.type, "words", ()))
